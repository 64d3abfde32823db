"""JSON as text for jsonb columns and sealed state: orjson, and the standard library where orjson declines (big
integers).
"""

from __future__ import annotations

import json
from typing import Any

import orjson

loads = json.loads  # faithful for integers of any size; orjson turns those past 64 bits into floats


def dumps(value: Any) -> str:
    """Compact JSON. Raises TypeError for what JSON has no form for.

    >>> dumps({"n": 10**30})
    '{"n":1000000000000000000000000000000}'
    """
    try:
        return orjson.dumps(value).decode()
    except (TypeError, orjson.JSONEncodeError):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
