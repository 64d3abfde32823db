"""What the LLM layer asks of the place it runs in, and the answers of a plain Django project.

A platform that hosts many tenants answers per tenant, and names its class in `DJANGO_AUTOMATE["LLM"]["HOST"]`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

Scope = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class PlanCaps:
    """What plan and policy allow, in dollars; None: they say nothing."""

    daily_usd: Decimal | None = None
    workflow_usd: Decimal | None = None
    run_usd: Decimal | None = None


class LLMHost(Protocol):
    """The questions. All but `scope` are asked inside the scope that `scope` gave."""

    def scope(self, owner: object) -> Scope:
        """Where `owner`'s rows are: called in the caller's thread, entered in a database thread.

        `owner`: a step's `pool_key`; None for whoever is current in the caller.
        """

    def time_zone(self) -> str:
        """The IANA zone whose midnight ends a budget's day."""

    def plan_caps(self) -> PlanCaps:
        """The caps of the layers above the workflow: plan and tenant policy."""

    def data_key(self) -> bytes:
        """The AES-256 key (32 bytes) that seals kept answers."""


class SingleHost:
    """One Django project, one schema, no plans. Days are those of `TIME_ZONE`."""

    def scope(self, owner: object) -> Scope:
        return nullcontext

    def time_zone(self) -> str:
        return str(settings.TIME_ZONE or "UTC")

    def plan_caps(self) -> PlanCaps:
        return PlanCaps()

    def data_key(self) -> bytes:
        return hashlib.sha256(b"automate.llm-key\x1f" + settings.SECRET_KEY.encode()).digest()


_default = "automate_llm.host.SingleHost"


def set_default(path: str) -> None:
    """Who answers where the settings name nobody; the engine says it when it is installed too."""
    global _default
    _default = path


def current() -> LLMHost:
    """The host named in the settings."""
    options: dict[str, Any] = getattr(settings, "DJANGO_AUTOMATE", {}).get("LLM", {})
    return _load(options.get("HOST", _default))


@lru_cache(maxsize=8)
def _load(path: str) -> LLMHost:
    return cast(LLMHost, import_string(path)())
