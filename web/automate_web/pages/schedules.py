"""Schedules: what is due when, what became of each due time; run one now, pause it, let it go on."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from automate.models import Schedule, ScheduleTick
from automate.triggers import overview, schedules
from automate_governance.errors import Conflict, NotFound
from automate_web.cursor import paginate
from automate_web.requests import WorkspaceRequest, actor, workspace_page

CATCH_UP = {"skip": "skip them", "once": "run once for all", "all": "run all of them"}
OVERLAP = {"allow": "run beside it", "skip": "skip the new one", "queue": "wait until it has ended"}


@require_GET
@workspace_page("automate.view_workflow")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /schedules/"""
    rows = overview.schedule_rows().order_by("workflow__name")[:200]
    context = {"rows": overview.shown(rows, now=timezone.now()), "catch_up": CATCH_UP, "overlap": OVERLAP}
    return render(request, "schedules/list.html", context)


@require_GET
@workspace_page("automate.view_workflow")
def detail(request: WorkspaceRequest, schedule_id: UUID) -> HttpResponse:
    """GET /schedules/<schedule_id>/: its rules, the next due times, and its history."""
    (shown,) = overview.shown([_schedule(schedule_id)], now=timezone.now())
    page = paginate(ScheduleTick.objects.filter(schedule_id=schedule_id), request.GET.get("cursor"))
    context = {
        "shown": shown,
        "schedule": shown.schedule,
        "workflow": shown.workflow,
        "page": page,
        "catch_up": CATCH_UP[shown.schedule.catch_up],
        "overlap": OVERLAP[shown.schedule.overlap],
    }
    return render(request, "schedules/detail.html", context)


@require_POST
@workspace_page("automate.run_workflow")
def run(request: WorkspaceRequest, schedule_id: UUID) -> HttpResponse:
    """POST /schedules/<schedule_id>/ticks/: one more tick, at once."""
    try:
        schedules.run_now(schedule_id=schedule_id, actor=actor(request), now=timezone.now())
        messages.success(request, "Fired now. The next due time stays as it is.", extra_tags="ok")
    except Conflict as error:
        messages.error(request, error.message, extra_tags="bad")
    return redirect("schedule", schedule_id)


@require_POST
@workspace_page("automate.change_schedule")
def paused(request: WorkspaceRequest, schedule_id: UUID) -> HttpResponse:
    """POST /schedules/<schedule_id>/paused/: stop it, or let it go on from now."""
    is_paused = request.POST.get("is_paused") == "yes"
    schedules.set_paused(schedule_id=schedule_id, is_paused=is_paused, actor=actor(request), now=timezone.now())
    words = "Paused: it is not due until you resume it." if is_paused else "Goes on from now; nothing is caught up."
    messages.success(request, words, extra_tags="ok")
    return redirect("schedule", schedule_id)


def _schedule(schedule_id: UUID) -> Schedule:
    found = overview.schedule_rows().filter(pk=schedule_id).first()
    if found is None:
        raise NotFound("There is no such schedule.")
    return found
