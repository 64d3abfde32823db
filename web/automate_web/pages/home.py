"""`/`: on the app's host the way in, in a workspace its Home: the last 24 hours in figures, and the latest runs live.

A role sees what it may see elsewhere: runs and events, the plan, or both. Before the first event there is nothing to
draw, so Home is the list of first things to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from automate.models import Event
from automate_billing import report
from automate_billing.amounts import shown
from automate_billing.report import Used
from automate_web.accounts.views import root
from automate_web.overview import MOST_FAILURES, Hour, Overview, overview
from automate_web.pages import runs
from automate_web.pages.checklist import checklist
from automate_web.requests import WorkspaceRequest, tenant_of, wants_fragment, workspace_page

LATEST = 10  # runs
HEIGHT, BAR, GAP = 100, 16, 4  # of the chart, in its own units


@dataclass(frozen=True)
class Bar:
    """One hour of the chart, in the chart's units: all of its runs, and the failed ones at their foot."""

    hour: Hour
    x: int
    y: int
    height: int
    failed_y: int
    failed_height: int


@dataclass(frozen=True)
class Meter:
    """A meter of the plan in words."""

    used: Used
    amount: str
    included: str


@require_GET
def home(request: HttpRequest) -> HttpResponseBase:
    return root(request) if tenant_of(request) is None else in_workspace(request)


@workspace_page("automate.view_members")
def in_workspace(request: WorkspaceRequest) -> HttpResponseBase:
    """GET /, and of it, for htmx, `?part=figures` and `?part=runs`."""
    now = timezone.now()
    sees_runs = request.user.has_perm("automate.view_run")
    part = request.GET.get("part") if wants_fragment(request) else ""
    if part == "runs" and sees_runs:
        return render(request, "runs/_rows.html", {"rows": runs.newest(LATEST)})
    context: dict[str, Any] = {"now": now}
    if sees_runs:
        context |= figures(now)
    if request.user.has_perm("automate.view_billing"):
        context |= plan(request.tenant.id, now)
    if part == "figures":
        return render(request, "home/_figures.html", context)
    if sees_runs:
        latest = runs.newest(LATEST)
        is_first = not latest and not Event.objects.exists()
        context |= {"rows": latest, "checklist": checklist(request, is_first=True), "is_first": is_first}
    return render(request, "home/home.html", context)


def figures(now: datetime) -> dict[str, Any]:
    found = overview(now)
    rate = found.success_rate
    return {
        "figures": found,
        "most_failures": MOST_FAILURES,
        "success": None if rate is None else f"{_down(rate * 100)} %",
        "bars": _bars(found),
        "chart_width": len(found.hours) * (BAR + GAP),
        "chart_height": HEIGHT,
        "bar_width": BAR,
        "most": max((hour.runs for hour in found.hours), default=0),
    }


def plan(tenant_id: int, now: datetime) -> dict[str, Any]:
    """Every meter of the plan, and the one that is nearest its limit."""
    on, meters = report.against_plan(tenant_id, now=now)
    limited = [used for used in meters if used.percent is not None]
    return {
        "plan": on,
        "meters": [
            Meter(
                used,
                shown(used.meter.code, used.used),
                "" if used.included is None else shown(used.meter.code, used.included),
            )
            for used in meters
        ],
        "nearest": max(limited, key=lambda used: used.percent or 0, default=None),
    }


def _down(percent: float) -> str:
    """To one place, rounded down: only what is whole is called 100.

    >>> _down(99.97), _down(100.0), _down(66.6666)
    ('99.9', '100', '66.6')
    """
    tenths = int(percent * 10 + 1e-9)
    return f"{tenths // 10}" if tenths % 10 == 0 else f"{tenths / 10:.1f}"


def _bars(found: Overview) -> list[Bar]:
    most = max((hour.runs for hour in found.hours), default=0) or 1
    drawn = []
    for number, hour in enumerate(found.hours):
        height = _height(hour.runs, most)
        failed = min(height, _height(hour.failed, most))
        drawn.append(Bar(hour, number * (BAR + GAP), HEIGHT - height, height, HEIGHT - failed, failed))
    return drawn


def _height(count: int, most: int) -> int:
    """At least one unit where there is anything at all."""
    return max(1, count * HEIGHT // most) if count else 0
