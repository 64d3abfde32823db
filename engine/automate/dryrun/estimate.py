"""What a model call that nobody recorded could cost; nothing where nobody can know."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.apps import apps

from automate_governance.errors import NormalizedError

Estimate = Callable[[Any], Decimal | None]
MICROS = Decimal(1_000_000)


def estimator() -> Estimate:
    """A function from a step's params to dollars at most; None where the params or the model's price are not known."""
    if not apps.is_installed("automate_llm"):
        return lambda params: None
    from automate_llm.estimates import at_most_micros, price_rows  # its tables are not there without the app

    rows = price_rows()

    def estimate(params: Any) -> Decimal | None:
        if not isinstance(params, dict):
            return None
        try:
            return Decimal(at_most_micros(params, rows=rows)) / MICROS
        except NormalizedError:
            return None

    return estimate
