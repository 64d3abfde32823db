"""Filters that lists share: columns that equal a value, the trace, and the time in which the event was received."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter

from automate_web.api.documentation import query_parameter
from automate_web.api.query import Query
from automate_web.api.timerange import received_between

Row = TypeVar("Row", bound=Model)
TRACE_AND_TIME = ("trace_id", "since", "until")


def trace_and_time(of_trace: str, since: str, until: str) -> list[OpenApiParameter]:
    """The three parameters as the API's document tells of them; the words differ from list to list."""
    return [query_parameter(name, words) for name, words in zip(TRACE_AND_TIME, (of_trace, since, until), strict=True)]


def narrow(rows: QuerySet[Row], query: Query, *, texts: Iterable[str] = (), ids: Iterable[str] = ()) -> QuerySet[Row]:
    """`rows` with what the query names: columns of text, columns of ids, the trace, the time. Raises Invalid."""
    exact = {name: query.text(name) for name in texts} | {name: query.uuid(name) for name in (*ids, "trace_id")}
    rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
    return received_between(rows, query.moment("since"), query.moment("until"))
