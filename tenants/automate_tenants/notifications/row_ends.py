"""When rows of notifications end (see `automate_governance.ends`); carried out by `keeping` with the housekeeping."""

from automate_governance.ends import bounded, purged

_QUARTER = "housekeeping: 90 days"
TABLES = {
    "automate_notifications_choice": bounded("one a member, kind and channel"),
    "automate_notifications_delivery": purged(f"{_QUARTER}, with its notification"),
    "automate_notifications_destination": bounded("five a member"),
    "automate_notifications_notification": purged(_QUARTER),
    "automate_notifications_seen": purged(_QUARTER),
}
