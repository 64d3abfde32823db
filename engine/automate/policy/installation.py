"""The ceiling: `DJANGO_AUTOMATE["POLICY"]`, read at call time as a typed value; and the plan, which the host knows."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from django.conf import settings

from automate import host
from automate.policy.effective import Layer, Policy, merge
from automate.policy.rules import InvalidPolicy, Rules, parse
from automate_llm.config import DAILY_USD


def installation_rules() -> Rules:
    """Raises InvalidPolicy for a wrong key or value; a system check calls it, so that this stops the start.

    The daily LLM budget has a default: it holds, so it is shown.
    """
    options: dict[str, Any] = getattr(settings, "DJANGO_AUTOMATE", {}).get("POLICY", {})
    options = {"llm_budget_daily": DAILY_USD, **options}
    return _parsed(json.dumps(options, default=str, sort_keys=True))


def plan_rules() -> Rules:
    """What the plan of whoever is current grants: `Host.limits()`, or nothing more than the ceiling."""
    return parse(host.current().limits(), layer="plan")


def upper_layers() -> tuple[Layer, ...]:
    """The layers above the workspace's own."""
    return Layer("installation", installation_rules()), Layer("plan", plan_rules())


def ceiling() -> Policy:
    """What holds for the current workspace whatever it sets itself: what its form shows as the most it can have."""
    return merge(upper_layers())


@lru_cache(maxsize=64)
def _parsed(options: str) -> Rules:
    return parse(json.loads(options), layer="installation")


__all__ = ["InvalidPolicy", "ceiling", "installation_rules", "plan_rules", "upper_layers"]
