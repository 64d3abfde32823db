"""Usage: each meter against the plan, by day and by workflow; a forecast; what happens at a limit; the same as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, tzinfo

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from automate.models import Workflow
from automate_billing import period as periods
from automate_billing import report, thresholds
from automate_billing.amounts import short, shown
from automate_billing.meters import BY_CODE, EVENTS, METERS, Meter
from automate_billing.period import Period
from automate_billing.report import Used
from automate_billing.thresholds import Thresholds
from automate_governance.errors import Invalid
from automate_llm.budgets.periods import zone_of
from automate_tenants.queue import queue
from automate_web.pages.percents import PercentsField
from automate_web.requests import WorkspaceRequest, actor, workspace_page
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


class AlertsForm(forms.Form):
    """Thresholds of every meter, and of those that shall have others."""

    every = PercentsField(label="Every meter", help_text="Percents of what the plan includes; none is silence.")

    def __init__(self, data: QueryDict | None = None, *, chosen: Thresholds):
        own = {meter.code: chosen.meters.get(meter.code) for meter in METERS}
        super().__init__(data, initial={"every": chosen.every, **own})
        for meter in METERS:
            self.fields[meter.code] = PercentsField(label=meter.label, is_optional=True)


@require_GET
@workspace_page("automate.view_billing")
def usage(request: WorkspaceRequest) -> HttpResponse:
    """GET /usage/?period=2026-11&meter=runs"""
    return _usage(request, AlertsForm(chosen=thresholds.of_workspace(request.tenant.id)))


@require_POST
@workspace_page("automate.manage_billing")
def alerts(request: WorkspaceRequest) -> HttpResponse:
    """POST /usage/alerts/: `every`, and a field for each meter; an empty one follows `every`."""
    form = AlertsForm(request.POST, chosen=thresholds.of_workspace(request.tenant.id))
    if not form.is_valid():
        return _usage(request, form)
    given = dict(form.cleaned_data)
    every = given.pop("every")
    own = {meter: percents for meter, percents in given.items() if percents is not None}
    thresholds.choose(tenant_id=request.tenant.id, every=every, meters=own, actor=actor(request), now=timezone.now())
    messages.success(request, "Saved. What is passed already is told within minutes.", extra_tags="ok")
    return redirect("usage")


def _usage(request: WorkspaceRequest, form: AlertsForm) -> HttpResponse:
    found = report.usage_of(request.tenant.id, now=timezone.now(), period=_period(request))
    chosen = found.of(_meter(request).code)
    most = max((amount for _, amount in chosen.by_day), default=0)
    context = {
        "usage": found,
        "queue": queue(timezone.now()) if found.is_current else None,
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
        "form": form,
        "in_force": _in_force(thresholds.of_workspace(request.tenant.id)),
    }
    return render(request, "usage/usage.html", context, status=422 if form.errors else 200)


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


def _in_force(chosen: Thresholds) -> list[tuple[str, str]]:
    """(meter, thresholds) in words."""
    words = ((meter.label, [f"{percent} %" for percent in chosen.of(meter.code)]) for meter in METERS)
    return [(label, ", ".join(percents) or "none") for label, percents in words]


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
