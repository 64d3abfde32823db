"""When rows of the secrets' tables end (see `automate_governance.ends`)."""

from automate_governance.ends import bounded

TABLES = {
    "automate_governance_storedsecret": bounded("made by hand"),
    "automate_governance_storedsecretversion": bounded("rotations, by hand; a replaced value is gone after 24 hours"),
}
