"""When to come back: what providers say about their limits, read from the headers of their answers.

`Retry-After` (seconds or a date), OpenAI's `retry-after-ms` and `x-ratelimit-reset-*` ("6m0s", "20ms"), Anthropic's
`anthropic-ratelimit-*-reset` (a time). A reset counts only where its `remaining` is 0: the other limits did not refuse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

MAX_SECONDS = 86_400.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|s|m|h|d))+")
_PART = re.compile(r"([0-9.]+)(ms|s|m|h|d)")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds to wait, at most a day; None where the provider says nothing. Header names in lower case.

    >>> retry_after({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m1.5s"}, now=datetime.now())
    361.5
    """
    if milliseconds := _number(headers.get("retry-after-ms", "")):
        return min(milliseconds / 1000, MAX_SECONDS)
    if told := headers.get("retry-after", ""):
        return _seconds(told, now)
    waits = [
        wait
        for name, value in headers.items()
        if value.strip() == "0" and "ratelimit" in name and "remaining" in name
        if (wait := _seconds(headers.get(_reset_of(name), ""), now)) is not None
    ]
    return max(waits, default=None)


def _reset_of(remaining: str) -> str:
    """The header with the reset that belongs to one with what remains."""
    return (
        remaining.replace("remaining", "reset")
        if remaining.startswith("x-")
        else (remaining.removesuffix("remaining") + "reset")
    )


def _seconds(text: str, now: datetime) -> float | None:
    """Seconds from a number, a duration, an RFC 3339 time or an HTTP date."""
    text = text.strip()[:64]
    seconds = _number(text)
    if seconds is None and _DURATION.fullmatch(text):
        seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(text))
    if seconds is None and (at := _moment(text)) is not None:
        seconds = (at - now.astimezone(timezone.utc)).total_seconds()
    return None if seconds is None else min(max(seconds, 0.0), MAX_SECONDS)


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text.strip()) else None


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)
