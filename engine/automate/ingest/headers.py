"""Request headers kept with an event: what helps to understand a delivery, never what proves who sent it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

from automate_governance.redaction.current import masks_emails
from automate_governance.redaction.emails import mask_emails
from automate_governance.redaction.names import is_sensitive_name
from automate_governance.redaction.patterns import MASK, mask_patterns

MAX_HEADERS = 40
MAX_VALUE_CHARACTERS = 500

_KEPT = frozenset(
    [
        "content-length",
        "content-type",
        "date",
        "idempotency-key",
        "traceparent",
        "tracestate",
        "user-agent",
        "webhook-id",
        "webhook-timestamp",
    ]
)
_KEPT_PREFIXES = ("x-", "ce-", "webhook-")
_ADDED_ON_THE_WAY = ("x-forwarded-", "x-real-")  # by proxies: says nothing of the sender's intent


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
    if len(name) > 100 or not name.startswith(_KEPT_PREFIXES) or name.startswith(_ADDED_ON_THE_WAY):
        return Keep.DROPPED
    return Keep.MASKED if is_sensitive_name(name) or "session" in name or "cert" in name else Keep.SHOWN


def kept_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers to store, names in lower case, secrets masked by name and by form; bounded in number and length."""
    kept: dict[str, str] = {}
    emails = masks_emails()
    for name, value in headers:
        decision = verdict(name)
        if decision is Keep.DROPPED or len(kept) == MAX_HEADERS:
            continue
        kept[name] = MASK if decision is Keep.MASKED else _shown(value, emails)
    return kept


@lru_cache(maxsize=1024)
def _shown(value: str, emails: bool) -> str:
    """Masked before it is cut: half of a secret would be recognised no more."""
    value = mask_emails(value) if emails else value
    return mask_patterns(value)[:MAX_VALUE_CHARACTERS].replace("\x00", "")
