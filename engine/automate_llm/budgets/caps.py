"""Which caps hold for a call: installation ceiling → plan → tenant → workflow; the strictest wins.

A workflow's own caps are in its definition: `"policy": {"llm_budget_daily": 2.5, "llm_budget_run": 0.5}` (dollars).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from automate_llm import config, host
from automate_llm.errors import InvalidRequest
from automate_llm.models import Preferences
from automate_llm.money import MICROS


@dataclass(frozen=True)
class Caps:
    """Micro-dollars; None: not capped. `tenant` and `workflow` are per day."""

    tenant: int
    workflow: int | None = None
    run: int | None = None


def find_caps(preferences: Preferences | None, policy: Mapping[str, Any]) -> Caps:
    """The caps in force. `policy`: the workflow's. Raises InvalidRequest for a cap that is no amount."""
    plan = host.current().plan_caps()
    ceiling = _micros(config.daily_ceiling_usd(), "POLICY.llm_budget_daily")
    assert ceiling is not None  # it has a default
    own = preferences or Preferences()
    return Caps(
        tenant=_strictest(ceiling, _micros(plan.daily_usd, "plan"), own.daily_cap_micros) or 0,
        workflow=_strictest(
            _micros(plan.workflow_usd, "plan"),
            own.workflow_cap_micros,
            _micros(policy.get("llm_budget_daily"), "policy.llm_budget_daily"),
        ),
        run=_strictest(
            _micros(plan.run_usd, "plan"),
            own.run_cap_micros,
            _micros(policy.get("llm_budget_run"), "policy.llm_budget_run"),
        ),
    )


def _strictest(*caps: int | None) -> int | None:
    return min((cap for cap in caps if cap is not None), default=None)


def _micros(dollars: Any, name: str) -> int | None:
    """Rounded down: a cap never grows by rounding. A cap that cannot be read is an error, never "no cap"."""
    if dollars is None:
        return None
    is_amount = isinstance(dollars, (int, float, Decimal)) and not isinstance(dollars, bool)
    if not is_amount or not math.isfinite(dollars) or dollars < 0:
        raise InvalidRequest(f"`{name}` must be an amount of dollars, 0 or more.", details={"cap": name})
    return int(Decimal(str(dollars)) * MICROS)
