"""What a connector answered, made into JSON that PostgreSQL's jsonb holds and every reader can parse.

jsonb refuses NUL and lone surrogates, JSON has no NaN, a reader with 64-bit or double numbers garbles huge integers,
and an answer may be megabytes. Each of these is replaced so that the rest of the answer is kept; nothing raises.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Set
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

MAX_BYTES = 1_048_576  # of one step's output as JSON: promise "limits"
MAX_DEPTH = 100
REPLACEMENT = "\ufffd"
TOO_DEEP = "[too deep]"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


def storable(value: Any, *, max_bytes: int = MAX_BYTES) -> Any:
    """A copy of `value` of dict, list, str, int, float, bool and None only, at most `max_bytes` as JSON.

    NUL and lone surrogates become U+FFFD; NaN and infinities their names; integers beyond 64 bits their decimal digits;
    keys text; bytes UTF-8 text or else base64; an unknown object `<ClassName>`. Deeper than 100 levels: "[too deep]".
    Too large: `{"$too_large": {"bytes": …, "limit_bytes": …}}` and nothing of the content, so nothing half-cut leaks.

    >>> storable({1: float("nan"), "a": "x\\x00y", "big": 2**70})
    {'1': 'NaN', 'a': 'x�y', 'big': '1180591620717411303424'}
    """
    encoded = _encode(value)
    if len(encoded) > max_bytes:
        return {"$too_large": {"bytes": len(encoded), "limit_bytes": max_bytes}}
    return orjson.loads(encoded)


def _encode(value: Any) -> bytes:
    """JSON of the cleaned value; the walk is done only if orjson refuses, or may have hidden, something."""
    try:
        encoded = orjson.dumps(value, option=_STRICT)
    except (TypeError, RecursionError):
        return orjson.dumps(_clean(value, MAX_DEPTH))
    if b"\\u0000" in encoded or b"null" in encoded:  # orjson writes NaN as null
        return orjson.dumps(_clean(value, MAX_DEPTH))
    return encoded


def _clean(value: Any, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, int):
        return _clean_int(value)
    if isinstance(value, float):
        return _clean_float(value)
    if isinstance(value, Mapping):
        if depth == 0:
            return TOO_DEEP
        return {_clean_key(key): _clean(item, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, Set)):
        if depth == 0:
            return TOO_DEEP
        return [_clean(item, depth - 1) for item in value]
    return _clean_other(value)


def _clean_text(text: str) -> str:
    return _UNSTORABLE.sub(REPLACEMENT, str(text))


def _clean_int(number: int) -> int | str:
    number = int(number)  # an IntEnum's plain value
    if -(2**63) <= number < 2**64:
        return number
    try:
        return str(number)
    except ValueError:  # Python writes at most 4,300 digits
        return f"[integer of {number.bit_length()} bits]"


def _clean_float(number: float) -> float | str:
    if math.isfinite(number):
        return float(number)
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _clean_key(key: Any) -> str:
    """As `json.dumps` writes keys: true, null, digits; anything else as its value would read."""
    if isinstance(key, str):
        return _clean_text(key)
    cleaned = _clean(key, 1)
    return cleaned if isinstance(cleaned, str) else orjson.dumps(cleaned).decode()


def _clean_other(value: Any) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _clean_bytes(bytes(value))
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    return f"<{type(value).__name__}>"


def _clean_bytes(value: bytes) -> str:
    try:
        return _clean_text(value.decode())
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
