"""One form for one content: what two definitions are compared by, and how one is written down.

PostgreSQL's jsonb keeps numbers as decimals and forgets the order of keys and the exponent: 1e16 comes back as an
integer, -0.0 as 0.0. Both sides of a comparison go through here, so a definition equals itself after a round trip.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def canonical(value: Any) -> Any:
    """`value` as it comes back from the database, keys sorted.

    >>> canonical({"b": 1e16, "a": -0.0})
    {'a': 0.0, 'b': 10000000000000000}
    """
    if isinstance(value, dict):
        return {key: canonical(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, float):
        return int(Decimal(repr(value))) if "e+" in repr(value) else value + 0.0
    return value


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values have the same content; 1, 1.0 and true are different.

    >>> same({"a": 1, "b": [2]}, {"b": [2], "a": 1}), same(1, True)
    (True, False)
    """
    return json.dumps(canonical(left)) == json.dumps(canonical(right))
