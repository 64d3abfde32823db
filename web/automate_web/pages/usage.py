"""Usage: each meter against the plan, by day and by workflow; a forecast; what happens at a limit; the same as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, tzinfo

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from automate.models import Workflow
from automate_billing import period as periods
from automate_billing import report
from automate_billing.amounts import short, shown
from automate_billing.meters import BY_CODE, EVENTS, Meter
from automate_billing.period import Period
from automate_billing.report import Used
from automate_governance.errors import Invalid
from automate_llm.budgets.periods import zone_of
from automate_web.requests import WorkspaceRequest, workspace_page
from automate_web.spreadsheet import csv_lines

COLUMNS = ("day", "meter", "subject", "name", "amount")
HEIGHT, BAR, GAP = 100, 16, 4  # of the chart, in its own units


@dataclass(frozen=True)
class MeterRow:
    """A meter as the overview shows it."""

    used: Used
    amount: str
    included: str
    left: str
    low: str
    likely: str
    high: str
    hits_on: date | None  # in the workspace's zone


@dataclass(frozen=True)
class Bar:
    """One day of the chart; `x`, `y` and `height` in the chart's units."""

    day: date
    amount: str
    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Share:
    """What one workflow, or one source of events, has used."""

    name: str
    workflow_id: str
    amount: str
    percent: int


@require_GET
@workspace_page("automate.view_billing")
def usage(request: WorkspaceRequest) -> HttpResponse:
    """GET /usage/?period=2026-11&meter=runs"""
    found = report.usage_of(request.tenant.id, now=timezone.now(), period=_period(request))
    chosen = found.of(_meter(request).code)
    most = max((amount for _, amount in chosen.by_day), default=0)
    context = {
        "usage": found,
        "rows": [_row(used, zone_of(found.time_zone)) for used in found.meters],
        "alerts": [(alert, BY_CODE[alert.meter].label) for alert in found.alerts if alert.meter in BY_CODE],
        "chosen": chosen,
        "chosen_amount": shown(chosen.meter.code, chosen.used),
        "bars": _bars(chosen, most),
        "chart_width": max(1, len(chosen.by_day) * (BAR + GAP)),
        "chart_height": HEIGHT,
        "bar_width": BAR,
        "most": most,
        "most_shown": shown(chosen.meter.code, most),
        "shares": [] if chosen.meter.is_level else _shares(request.tenant.id, chosen, found.period),
        "by_source": chosen.meter.code == EVENTS,
    }
    return render(request, "usage/usage.html", context)


@require_GET
@workspace_page("automate.view_billing")
def export(request: WorkspaceRequest) -> StreamingHttpResponse:
    """GET /usage.csv?period=2026-11: a line for each day, meter and subject; LLM spend in micro-dollars."""
    period = _period(request) or report.current_period(request.tenant.id, now=timezone.now())
    names = dict(_names())
    lines = csv_lines(
        COLUMNS,
        [
            (row.day.isoformat(), row.meter, row.subject, names.get(row.subject, ""), row.amount)
            for row in report.rows(request.tenant.id, period)
        ],
    )
    headers = {"Content-Disposition": f'attachment; filename="usage-{period.name}.csv"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _row(used: Used, zone: tzinfo) -> MeterRow:
    code, said = used.meter.code, used.forecast
    return MeterRow(
        used,
        shown(code, used.used),
        "" if used.included is None else shown(code, used.included),
        "" if used.included is None else shown(code, max(0, used.included - used.used)),
        short(code, said.low) if said else "",
        short(code, said.likely) if said else "",
        short(code, said.high) if said else "",
        said.hits_at.astimezone(zone).date() if said and said.hits_at else None,
    )


def _bars(used: Used, most: int) -> list[Bar]:
    found = []
    for number, (day, amount) in enumerate(used.by_day):
        height = max(1 if amount > 0 else 0, amount * HEIGHT // most) if most > 0 else 0
        found.append(Bar(day, shown(used.meter.code, amount), number * (BAR + GAP), HEIGHT - height, height))
    return found


def _shares(tenant_id: int, used: Used, period: Period) -> list[Share]:
    names = dict(_names())
    return [
        Share(
            names.get(subject, subject if used.meter.code == EVENTS else subject and "a workflow that is gone"),
            subject if subject in names else "",
            shown(used.meter.code, amount),
            amount * 100 // used.used if used.used else 0,
        )
        for subject, amount in report.by_subject(tenant_id, used.meter, period)
    ]


def _names() -> Iterator[tuple[str, str]]:
    return ((str(pk), name) for pk, name in Workflow.objects.values_list("pk", "name"))


def _period(request: WorkspaceRequest) -> Period | None:
    name = request.GET.get("period")
    return periods.parse(name) if name else None


def _meter(request: WorkspaceRequest) -> Meter:
    code = request.GET.get("meter") or EVENTS
    if code not in BY_CODE:
        raise Invalid(f"There is no such meter. There are: {', '.join(BY_CODE)}.", details={"param": "meter"})
    return BY_CODE[code]
