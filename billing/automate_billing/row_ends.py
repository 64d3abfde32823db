"""When rows of billing's tables end (see `automate_governance.ends`); carried out by `keeping`."""

from automate_governance.ends import bounded, purged

TABLES = {
    "automate_billing_subscription": bounded("one a workspace, of deleted ones ten years"),
    "automate_billing_usagealert": purged("rounds: 400 days"),
    "automate_billing_usageday": purged("rounds: by workflow and source 400 days, as a sum ten years"),
    "automate_billing_usagethresholds": bounded("one a workspace, gone with it"),
    "automate_billing_usagedelta": purged("the next fold, seconds later"),
}
