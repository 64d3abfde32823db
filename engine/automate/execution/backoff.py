"""How long to wait before the next attempt of a step."""

from __future__ import annotations

import random

JITTER = 0.2  # of the delay, to either side: retries of a thousand runs do not come back in one second


def retry_delay(attempt: int, *, base_seconds: float = 5, factor: float = 6, cap_seconds: float = 3600) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1), before jitter.

    Source: concepts page, "Reliability": exponential backoff by policy.
    >>> [retry_delay(n) for n in (1, 2, 3, 12)]
    [5, 30, 180, 3600]
    """
    if attempt > 64:  # the power would overflow long after the cap was passed
        return cap_seconds
    return min(base_seconds * factor ** (attempt - 1), cap_seconds)


def with_jitter(seconds: float, *, share: float = JITTER) -> float:
    """The delay, up to `share` shorter or longer."""
    return seconds * random.uniform(1 - share, 1 + share)  # spreads load, keeps no secret
