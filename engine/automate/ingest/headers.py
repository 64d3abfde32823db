"""Request headers kept with an event: what helps to understand a delivery, never what proves who sent it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

MASK = "********"
MAX_HEADERS = 40
MAX_VALUE_CHARACTERS = 500

_KEPT = {
    "accept", "content-type", "content-length", "date", "idempotency-key", "traceparent", "tracestate", "user-agent",
    "webhook-id", "webhook-timestamp",
}  # fmt: skip
_KEPT_PREFIXES = ("x-", "ce-", "webhook-")
_SECRET = re.compile(r"auth|token|secret|signature|sign|hmac|password|passwd|cookie|credential|api-?key|-key$|session|jwt|cert")
_HOP = re.compile(r"x-(forwarded|real)-")


class Keep(Enum):
    SHOWN = "shown"
    MASKED = "masked"
    DROPPED = "dropped"


@lru_cache(maxsize=1024)
def verdict(name: str) -> Keep:
    """What happens to a header of this lower-case name.

    >>> verdict("user-agent"), verdict("x-hub-signature-256"), verdict("cookie")
    (<Keep.SHOWN: 'shown'>, <Keep.MASKED: 'masked'>, <Keep.DROPPED: 'dropped'>)
    """
    if name in _KEPT:
        return Keep.SHOWN
    if not name.startswith(_KEPT_PREFIXES) or _HOP.match(name):
        return Keep.DROPPED
    return Keep.MASKED if _SECRET.search(name) else Keep.SHOWN


def kept_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers to store, names in lower case, secrets masked; bounded in number and length."""
    kept: dict[str, str] = {}
    for name, value in headers:
        decision = verdict(name)
        if decision is not Keep.DROPPED and len(kept) < MAX_HEADERS:
            kept[name] = MASK if decision is Keep.MASKED else value[:MAX_VALUE_CHARACTERS].replace("\x00", "")
    return kept
