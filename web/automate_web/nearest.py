"""When nothing fits a list's filters in the time asked for: the nearest longer time in which something does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from automate_web import filters

SPANS = {
    "1h": "in the last hour",
    "24h": "in the last 24 hours",
    "7d": "in the last 7 days",
    "30d": "in the last 30 days",
}
AT_ANY_TIME = "at any time"
MOST = 100


@dataclass(frozen=True)
class Nearest:
    """How many rows fit the other filters in a longer time (99+ for more), that time in words, and its query string."""

    count: str
    words: str
    query: str


def nearest(
    search: Callable[[dict[str, str]], QuerySet[Any, Any]], asked: dict[str, str], *, now: datetime
) -> Nearest | None:
    """None where the filters name no time, or nothing fits them at any time. Five queries at most, each of 100 rows."""
    if not (asked["since"] or asked["until"]):
        return None
    begin = filters.moment(asked["since"], now=now, param="since") if asked["since"] else now
    for span, words in (*SPANS.items(), ("", AT_ANY_TIME)):
        if span and filters.moment(span, now=now, param="since") >= begin:
            continue  # no longer than what was asked
        wider = {**asked, "since": span, "until": ""}
        if count := search(wider)[:MOST].count():
            kept = {name: value for name, value in wider.items() if value}
            return Nearest(str(count) if count < MOST else f"{MOST - 1}+", words, urlencode(kept) or "view=all")
    return None
