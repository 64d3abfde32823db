"""Money: whole micro-USD (a millionth of a dollar) in the database, Decimal dollars in prices and answers.

Integers add up exactly on every database. A cost is rounded up to the next micro-dollar, so that no call is free by
rounding and the sum of the ledger is never below what was spent.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

MICROS = Decimal(1_000_000)


def to_micros(dollars: Decimal | float | int | str) -> int:
    """Dollars as micro-dollars, rounded up.

    >>> to_micros("0.0000001"), to_micros(10.0), to_micros("9.98")
    (1, 10000000, 9980000)
    """
    return int((Decimal(str(dollars)) * MICROS).to_integral_value(ROUND_CEILING))


def to_dollars(micros: int) -> Decimal:
    """Micro-dollars as dollars.

    >>> to_dollars(9_980_000)
    Decimal('9.980000')
    """
    return Decimal(micros).scaleb(-6)


def shown(micros: int) -> str:
    """Dollars as people and errors show them: two digits behind the point, six where the amount is below a cent.

    >>> shown(9_980_000), shown(1_234), shown(0)
    ('9.98', '0.001234', '0.00')
    """
    dollars = to_dollars(micros)
    return f"{dollars:.6f}" if 0 < abs(dollars) < Decimal("0.01") else f"{dollars:.2f}"
