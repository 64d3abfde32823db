"""System check: plans that cannot be used, or a default plan that does not exist, stop the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks

from automate_billing import plans
from automate_governance.errors import NormalizedError


def connect() -> None:
    """Called when the apps are ready."""
    checks.register(check_plans, "automate")


def check_plans(app_configs: Sequence[Any] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """What is wrong with the plans, one message at a time."""
    try:
        plans.default()
    except NormalizedError as error:
        return [checks.Error(error.message, id="billing.E001")]
    return []
