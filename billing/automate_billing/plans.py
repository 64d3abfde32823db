"""Plans, as data: what each includes and what it limits. `plans.json` has ours; an installation may bring its own.

Settings: `DJANGO_AUTOMATE["BILLING"] = {"plans": "<file>", "default_plan": "unlimited"}`. A plan's `policy` is the
plan's layer of policy (`automate.policy.rules`); `included` is per month, and what it leaves out is not limited.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from automate.policy.rules import Rules, parse
from automate.retention import Retention
from automate_billing.meters import BY_CODE
from automate_governance.errors import Invalid

FILE = Path(__file__).with_name("plans.json")
MAX_INFLIGHT = 10_000
WEIGHTS = (0.1, 100)  # the least and the most
_KEYS = {"name", "price_cents", "included", "max_inflight", "weight", "retention_days", "members", "policy"}


class InvalidPlans(Invalid):
    """The file of plans cannot be used, or there is no such plan."""

    code = "invalid_plans"


@dataclass(frozen=True)
class Plan:
    """What a workspace gets. `included`: units per month by meter (`llm` in micro-dollars, `storage` in bytes)."""

    code: str
    name: str
    price_cents: int | None = None  # per month, US dollars; None: no price is told
    included: Mapping[str, int] = field(default_factory=dict)
    max_inflight: int = 200  # jobs of the workspace that workers hold at the same time
    weight: float = 1  # its share of the workers where several workspaces want them, beside the others' weights
    retention_days: int | None = None  # at most; a workspace may choose less. None: the installation's setting
    members: int | None = None  # people in the workspace; None: as many as it likes
    policy: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rules(self) -> Rules:
        """The plan's layer of policy, typed."""
        return parse(self.policy, layer="plan")


def all_plans() -> dict[str, Plan]:
    """By code, in the order of the file, the smallest first. Raises InvalidPlans."""
    file = Path(_options().get("plans") or FILE)
    try:
        return dict(_of_file(file, file.stat().st_mtime_ns))
    except (OSError, ValueError) as error:
        raise InvalidPlans(f"The plans in {file.name} cannot be read: {error}") from error


@lru_cache(maxsize=4)
def _of_file(file: Path, changed_ns: int) -> dict[str, Plan]:
    """The file's plans, read again once it was changed: each request of the API asks what plans limit."""
    return read(json.loads(file.read_text(encoding="utf-8")))


def read(document: Any) -> dict[str, Plan]:
    """The plans of a document {code: plan}. Raises InvalidPlans for the first thing that is wrong."""
    if not isinstance(document, dict) or not document:
        raise InvalidPlans("Plans are an object: {code: plan}.")
    return {code: _plan(code, given) for code, given in document.items()}


def get(code: str) -> Plan:
    """The plan with this code. Raises InvalidPlans."""
    known = all_plans()
    if code not in known:
        raise InvalidPlans(f"There is no plan {code!r}. There are: {', '.join(known)}.", details={"param": "plan"})
    return known[code]


def default() -> Plan:
    """The plan of a workspace that nobody has put on one."""
    return get(_options().get("default_plan") or "unlimited")


def _options() -> dict[str, Any]:
    options: dict[str, Any] = getattr(settings, "DJANGO_AUTOMATE", {}).get("BILLING", {})
    return options


def _plan(code: str, given: Any) -> Plan:
    if not isinstance(given, dict) or not given.get("name") or set(given) - _KEYS:
        raise InvalidPlans(f"Plan {code}: it needs a name, and may have {', '.join(sorted(_KEYS))}.")
    included = given.get("included", {})
    if set(included) - set(BY_CODE) or not all(_is_count(amount) for amount in included.values()):
        raise InvalidPlans(f"Plan {code}: included gives whole numbers for some of {', '.join(BY_CODE)}.")
    if not 1 <= given.get("max_inflight", 1) <= MAX_INFLIGHT:
        raise InvalidPlans(f"Plan {code}: max_inflight is from 1 to {MAX_INFLIGHT:,}.")
    if not isinstance(given.get("weight", 1), int | float) or not WEIGHTS[0] <= given.get("weight", 1) <= WEIGHTS[1]:
        raise InvalidPlans(f"Plan {code}: weight is from {WEIGHTS[0]} to {WEIGHTS[1]}.")
    if given.get("members") is not None and not (_is_count(given["members"]) and given["members"]):
        raise InvalidPlans(f"Plan {code}: members is a whole number from 1.")
    try:
        Retention().for_days(given.get("retention_days"))
        plan = Plan(code=code, **given)
        _ = plan.rules
    except (Invalid, ImproperlyConfigured, TypeError, ValueError) as error:
        raise InvalidPlans(f"Plan {code}: {error}") from error
    return plan


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
