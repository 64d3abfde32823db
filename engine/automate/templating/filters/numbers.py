"""Filters that make numbers."""

from __future__ import annotations

from typing import Any

from automate.templating.errors import TemplateFailed
from automate.templating.filters.arguments import along, list_of, number_of
from automate.templating.filters.registry import as_filter
from automate.templating.limits import budget, check_number
from automate.templating.values import as_text


@as_filter("sum")
def _sum(value: Any, attribute: str | None = None) -> int | float:
    items = list_of(value)
    budget.get().tick(len(items))
    total: int | float = 0
    for item in items:
        total = check_number(total + number_of(along(item, attribute)))
    return total


@as_filter("min")
def _min(value: Any) -> Any:
    return min(list_of(value))


@as_filter("max")
def _max(value: Any) -> Any:
    return max(list_of(value))


@as_filter("round")
def _round(value: Any, precision: int = 0) -> int | float:
    """Half away from zero, as people round; a whole number when `precision` is 0."""
    from decimal import ROUND_HALF_UP, Decimal

    number, places = number_of(value), max(0, min(int(precision), 15))
    if type(number) is int:
        return number
    rounded = Decimal(repr(number)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return float(rounded) if places else int(rounded)


@as_filter("abs")
def _abs(value: Any) -> int | float:
    return abs(number_of(value))


@as_filter("int")
def _int(value: Any, default: Any = None) -> Any:
    """A whole number; of a text its digits. `default` when it is none."""
    try:
        if type(value) is str:
            return check_number(int(value[:400]) if value.strip().lstrip("+-").isdigit() else int(float(value)))
        return int(number_of(value) if type(value) is not bool else value)
    except (ValueError, OverflowError):
        if default is None:
            raise TemplateFailed(f"{as_text(value)[:50]!r} is not a number.") from None
        return default


@as_filter("float")
def _float(value: Any, default: Any = None) -> Any:
    try:
        return float(value if type(value) is str else number_of(value))
    except (ValueError, OverflowError):
        if default is None:
            raise TemplateFailed(f"{as_text(value)[:50]!r} is not a number.") from None
        return default
