"""What goes wrong when a rule is compiled or evaluated."""

from __future__ import annotations

from automate_governance.errors import NormalizedError


class RuleFailed(NormalizedError):
    """The rule is not one, cost more than it may, or compared what cannot be compared; `details.pointer` says where."""

    code, http_status = "rule_failed", 422
