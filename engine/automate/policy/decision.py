"""What policy says about one step, and the errors that carry it: which layer, which rule, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automate_governance.errors import NormalizedError


@dataclass(frozen=True)
class Decision:
    """`kind` is allow, wait or deny; `rule`, `layer` and `subject`: what decided, about what; `seconds` to wait."""

    kind: str = "allow"
    rule: str = ""
    layer: str = ""
    subject: str = ""  # "slack.post_message", "api.stripe.com:443"
    reason: str = ""
    seconds: float = 0.0

    def details(self) -> dict[str, Any]:
        return {"rule": self.rule, "layer": self.layer, "subject": self.subject}


ALLOW = Decision()
CODES = {
    "connector_allowlist": "connector_not_allowed",
    "max_concurrent_runs": "concurrency_limited",
}
WHOSE = {
    "installation": "this installation's policy",
    "plan": "the workspace's plan",
    "tenant": "the workspace's policy",
    "workflow": "the workflow's own policy",
}


class PolicyDenied(NormalizedError):
    """Policy forbids it; nothing was sent. `details` says which layer and which rule."""

    code, http_status = "connector_not_allowed", 403

    def __init__(self, decision: Decision):
        super().__init__(decision.reason, details=decision.details())
        self.code = CODES[decision.rule]
        self.decision = decision


class MustWait(NormalizedError):
    """Policy allows it, but not yet: nothing was sent, and no attempt is used up."""

    code, http_status = "concurrency_limited", 429

    def __init__(self, decision: Decision):
        super().__init__(decision.reason, details=decision.details())
        self.code = CODES[decision.rule]
        self.seconds = decision.seconds


def deny(rule: str, layer: str, subject: str) -> Decision:
    """A denial in words.

    >>> deny("host_allowlist", "tenant", "example.com:443").reason
    'The host allowlist of the workspace’s policy does not name example.com:443.'
    """
    what = {"connector_allowlist": "connector", "host_allowlist": "host"}[rule]
    whose = WHOSE[layer].replace("'", "’")
    return Decision("deny", rule, layer, subject, f"The {what} allowlist of {whose} does not name {subject}.")
