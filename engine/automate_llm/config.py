"""`DJANGO_AUTOMATE["LLM"]` and the LLM part of `DJANGO_AUTOMATE["POLICY"]`, read at call time as typed values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

DAILY_USD = 10.00  # where the settings do not say


@dataclass(frozen=True)
class LLMSettings:
    """Defaults of the installation.

    `api_key` is sent to `base_url` and `provider` of these settings only: a step that names another provider or address
    brings its own key.
    """

    provider: str = ""
    model: str = ""
    api_key: str = ""
    base_url: str = ""
    max_tokens: int = 1024  # of an answer, where the step does not say
    timeout_seconds: float = 60.0
    prices: tuple[dict[str, Any], ...] = ()  # rows as in prices/table.json, asked before it


def llm() -> LLMSettings:
    """The settings. Raises TypeError for an unknown key."""
    options = dict(_automate().get("LLM", {}))
    options.pop("HOST", None)  # read by automate_llm.host
    options["prices"] = tuple(options.get("prices", ()))
    return LLMSettings(**options)


def daily_ceiling_usd() -> float:
    """`POLICY.llm_budget_daily`: no tenant spends more in a day. Source: seeds, "Policies & Governance"."""
    return float(_automate().get("POLICY", {}).get("llm_budget_daily", DAILY_USD))


def _automate() -> dict[str, Any]:
    found: dict[str, Any] = getattr(settings, "DJANGO_AUTOMATE", {})
    return found
