"""Which columns a list shows: chosen in its address (`columns=status,when`), so that one address is one view.

The first column names the row and always stays. No choice, or none that is known, shows all. A saved view and the
list's CSV keep the choice; a CSV keeps what a chosen column shows, and what names its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect

PARAMETER = "columns"


@dataclass(frozen=True)
class Column:
    """`csv`: the columns of the list's CSV that belong to it."""

    code: str
    label: str
    csv: tuple[str, ...] = ()


LISTS: Mapping[str, tuple[Column, ...]] = {
    "runs": (
        Column("status", "Status", ("status",)),
        Column("started_by", "Started by", ("event_id", "event_type", "origin", "trace_id")),
        Column("steps", "Steps", ("steps_done", "steps_total", "attempt")),
        Column("duration", "Duration", ("started_at", "ended_at", "duration_seconds")),
        Column("when", "When", ("created_at",)),
    ),
    "events": (
        Column("verdict", "Verdict", ("verdict", "repeats")),
        Column("workflows", "Workflows", ("workflows", "runs")),
        Column("source", "Source", ("source", "trace_id")),
        Column("when", "When", ("received_at",)),
    ),
    "failures": (
        Column("error", "Error", ("code", "message", "fingerprint")),
        Column("state", "State", ("owner", "muted_until")),
        Column("runs", "Runs", ("count",)),
        Column("first", "First", ("first_at",)),
        Column("latest", "Latest", ("latest_at",)),
    ),
    "workflows": (
        Column("state", "State", ("state", "version")),
        Column("starts_on", "Starts on", ("trigger",)),
        Column("runs", "Runs in 24 h", ("runs_24h", "succeeded_24h", "failed_24h")),
        Column("success", "Success", ("success_percent",)),
        Column("latest_run", "Latest run", ("latest_run_at", "latest_run_status")),
        Column("changed", "Changed", ("updated_at", "updated_by")),
    ),
    "endpoints": (
        Column("state", "State"),
        Column("proof", "Sender proves itself by"),
        Column("feeds", "Feeds"),
        Column("last_received", "Last received"),
        Column("day", "24 h"),
        Column("address", "Address"),
    ),
}


def chosen(page: str, query: QueryDict) -> list[str]:
    """The codes that are chosen, in the list's own order; empty where nothing known is: then all are shown."""
    asked = {code.strip() for value in query.getlist(PARAMETER) for code in value.split(",")}
    return [column.code for column in LISTS[page] if column.code in asked]


def shown(page: str, request: HttpRequest) -> dict[str, bool]:
    """For each column of the list whether it is shown. A row that htmx fetches follows the page that asks for it."""
    query = request.GET
    if PARAMETER not in query and (address := request.headers.get("HX-Current-URL")):
        query = QueryDict(urlsplit(address).query)
    codes = chosen(page, query)
    return {column.code: not codes or column.code in codes for column in LISTS[page]}


def tidied(request: HttpRequest) -> HttpResponse | None:
    """What a form of ticks sends as `columns=a&columns=b` has the address `columns=a,b`: the way there, if needed."""
    given = request.GET.getlist(PARAMETER)
    if len(given) < 2:
        return None
    query = request.GET.copy()
    query[PARAMETER] = ",".join(given)
    return redirect(f"{request.path}?{query.urlencode(safe=',')}")


def of_csv(
    page: str, query: QueryDict, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
    """The head and the rows of a CSV with the chosen columns: those, and the ones that belong to none."""
    codes = chosen(page, query)
    if not codes:
        return names, rows
    hidden = {name for column in LISTS[page] if column.code not in codes for name in column.csv}
    kept = [number for number, name in enumerate(names) if name not in hidden]

    def cut() -> Iterator[Sequence[Any]]:
        for row in rows:
            yield [row[number] for number in kept]

    return [names[number] for number in kept], cut()
