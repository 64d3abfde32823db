"""Where a meter will stand when the period ends: the used, and the daily mean of the latest days, with a range.

The days are taken as independent draws, so the sum of the `n` days left spreads by √n of one day's deviation. The range
holds 8 of 10 outcomes if tomorrow is like the last two weeks; it says nothing about a campaign that begins then. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, pstdev

LOOK_BACK_DAYS = 14
MIN_DAYS = 2  # whole days before anything is said
Z = 1.2816  # the normal distribution's 90th percentile: 10 % lie above it and 10 % below its negative


@dataclass(frozen=True)
class Forecast:
    """Units at the end of the period. `hits_at`: when the limit is reached if it goes on so; None: not before."""

    low: int
    likely: int
    high: int
    hits_at: datetime | None = None


def forecast(
    *, used: int, daily: Sequence[int], now: datetime, ends_at: datetime, included: int | None
) -> Forecast | None:
    """`daily`: units of whole days, the latest last, those before the period too. None: too few days to say anything.

    >>> now, end = datetime(2026, 11, 11), datetime(2026, 12, 1)
    >>> forecast(used=1000, daily=[100] * 10, now=now, ends_at=end, included=2000)
    Forecast(low=3000, likely=3000, high=3000, hits_at=datetime.datetime(2026, 11, 21, 0, 0))
    >>> forecast(used=1000, daily=[0, 200, 0, 200], now=now, ends_at=end, included=None)
    Forecast(low=2427, likely=3000, high=3573, hits_at=None)
    """
    known = list(daily[-LOOK_BACK_DAYS:])
    if len(known) < MIN_DAYS:
        return None
    left = max(0.0, (ends_at - now) / timedelta(days=1))
    mean, spread = fmean(known), Z * pstdev(known) * math.sqrt(left)
    likely = used + mean * left
    return Forecast(
        low=max(used if mean >= 0 else 0, round(likely - spread)),
        likely=max(0, round(likely)),
        high=max(0, round(likely + spread)),
        hits_at=_hits_at(used, mean, now, ends_at, included),
    )


def _hits_at(used: int, mean: float, now: datetime, ends_at: datetime, included: int | None) -> datetime | None:
    if included is None:
        return None
    if used >= included:
        return now
    if mean <= 0:
        return None
    days = (included - used) / mean
    if days >= (ends_at - now) / timedelta(days=1):
        return None
    return now + timedelta(days=days)
