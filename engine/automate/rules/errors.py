"""What goes wrong when a rule is compiled or evaluated."""

from __future__ import annotations

from automate_governance.errors import NormalizedError


class RuleFailed(NormalizedError):
    """The rule is not one, cost more than it may, compared what cannot be compared, or threw.

    `details` has what applies: `operator`, `thrown`, and `errors` with `pointer` for a rule that was refused.
    """

    code, http_status = "rule_failed", 422
