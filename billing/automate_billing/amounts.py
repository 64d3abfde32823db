"""Units as people read them: counts with separators, money in dollars, storage in KB to TB."""

from __future__ import annotations

from automate_billing.meters import LLM, STORAGE
from automate_llm.money import shown as dollars

_STEPS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "KB"))


def shown(meter: str, amount: int) -> str:
    """Exactly, but for storage.

    >>> shown("events", 1234567), shown("llm", 1_250_000), shown("storage", 26_843_545_600)
    ('1,234,567', '$1.25', '26.8 GB')
    """
    if meter == LLM:
        return f"${dollars(amount)}"
    if meter == STORAGE:
        return _bytes(amount)
    return f"{amount:,}"


def short(meter: str, amount: int) -> str:
    """In three digits, for what is a guess anyway.

    >>> short("events", 1234567), short("events", 987), short("llm", 1_256_000)
    ('1,230,000', '987', '$1.26')
    """
    if meter == LLM:
        return f"${amount / 1_000_000:,.2f}"
    if meter == STORAGE:
        return _bytes(amount)
    digits = len(str(abs(amount)))
    return f"{round(amount, 3 - digits) if digits > 3 else amount:,}"


def _bytes(amount: int) -> str:
    for size, unit in _STEPS:
        if abs(amount) >= size:
            return f"{amount / size:.1f} {unit}"
    return f"{amount} B"
