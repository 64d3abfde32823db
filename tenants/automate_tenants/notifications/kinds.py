"""What there is to tell: each kind's words, the permission that lets a member see it, and whom it is mailed to."""

from __future__ import annotations

from dataclasses import dataclass

from automate_tenants.notifications.models import Channel
from automate_tenants.permissions import role_allows

FAILURE, BUDGET, USAGE, LIMIT = "workflow_failed", "llm_budget", "usage", "limit_reached"
KEY, INVITATION, SECRET = "api_key", "invitation", "secret_missing"
PAUSED, ENDPOINT = "engine_paused", "endpoint_refuses"


@dataclass(frozen=True)
class Kind:
    """`sees`: who may hear of it at all. `acts`: who can do something about it, and is mailed unless they chose not."""

    code: str
    label: str
    hint: str
    sees: str
    acts: str = ""  # "": nobody is mailed who did not ask for it


KINDS = (
    Kind(
        FAILURE,
        "A workflow fails",
        "In a new way, or again after it was quiet. One message for each kind of failure and day, with their number.",
        "automate.view_run",
        "automate.control_run",
    ),
    Kind(
        LIMIT,
        "The plan's limit is reached",
        "New events are held until the period turns or the plan changes.",
        "automate.view_members",
        "automate.view_billing",
    ),
    Kind(
        USAGE,
        "Usage nears what the plan includes",
        "At the thresholds that the Usage page sets (50, 80 and 100 % of each meter), once a period.",
        "automate.view_billing",
        "automate.manage_billing",
    ),
    Kind(
        BUDGET,
        "An LLM budget is used up",
        "At 50, 80 and 100 % of a day's budget, of the workspace or of a workflow.",
        "automate.view_policy",
        "automate.manage_policy",
    ),
    Kind(
        PAUSED,
        "The engine is paused or goes on",
        "Somebody turned the kill switch of the workspace, or of the whole installation.",
        "automate.view_workflow",
        "automate.pause_engine",
    ),
    Kind(
        ENDPOINT,
        "A webhook refuses everything",
        "Ten requests or more within an hour were refused, and none was accepted.",
        "automate.view_event",
        "automate.manage_endpoints",
    ),
    Kind(
        SECRET,
        "A secret is missing",
        "A live workflow refers to a stored secret that is not there.",
        "automate.view_secrets",
        "automate.manage_secrets",
    ),
    Kind(
        KEY,
        "An API key ends or lies idle",
        "It stops working within 7 days, or nobody has used it for 90.",
        "automate.view_keys",
        "automate.manage_keys",
    ),
    Kind(
        INVITATION,
        "An invitation is accepted or ends",
        "Somebody joined, or an invitation that nobody answered ends within 2 days.",
        "automate.manage_members",
    ),
)
BY_CODE = {kind.code: kind for kind in KINDS}


def for_role(role: str) -> list[Kind]:
    """What a member with this role may hear of, in the order of the page."""
    return [kind for kind in KINDS if role_allows(role, kind.sees)]


def by_default(kind: Kind, channel: str, role: str) -> bool:
    """Whether a member who chose nothing hears of it there.

    >>> [by_default(BY_CODE[FAILURE], "email", role) for role in ("operator", "viewer")]
    [True, False]
    """
    return channel != Channel.EMAIL or (bool(kind.acts) and role_allows(role, kind.acts))
