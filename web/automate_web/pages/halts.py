"""Governance, Kill switch: stop the workspace or one workflow, see who stopped what, and let it go on.

While a switch is on events are taken in and kept, and nothing runs. The installation's own switch is the operator's: it
is said here, and turned off on the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from automate.models import Halt, OutboxJob, QueuePlace, Workflow
from automate.services.halts import EVERYTHING, halt, resume
from automate_governance.errors import NormalizedError
from automate_web.requests import WorkspaceRequest, actor, demand, workspace_page

MOST = 1_000  # that are counted


@dataclass(frozen=True)
class Switch:
    """One switch: of a workflow, or of everything (`slug` is "")."""

    slug: str
    name: str
    halt: Halt | None
    who: str
    waits: str  # how much waits behind it, in words


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_workflow")
def halts(request: WorkspaceRequest) -> HttpResponse:
    """/governance/kill-switch/: POST `workflow` (a slug; empty: everything), `is_halted` and `reason` turns one."""
    if request.method == "POST":
        demand(request, "automate.pause_engine")
        try:
            _turn(request)
        except NormalizedError as error:  # somebody was faster, or the workflow is gone
            messages.error(request, error.message, extra_tags="bad")
        return redirect("halts")
    on = {switch.pk: switch for switch in Halt.objects.all()}
    workflows = Workflow.objects.filter(removed_at=None).order_by("slug").only("slug", "name")
    names = _names(on.values())
    context = {
        "everything": _switch("", "This workspace", on.get(EVERYTHING), names),
        "workflows": [_switch(one.slug, one.name, on.get(one.pk), names) for one in workflows],
    }
    return render(request, "governance/halts.html", context)


def _turn(request: WorkspaceRequest) -> None:
    slug = request.POST.get("workflow", "") or None
    what, now = f"“{slug}”" if slug else "The workspace", timezone.now()
    if request.POST.get("is_halted") == "yes":
        halt(actor=actor(request), now=now, reason=request.POST.get("reason", "").strip(), workflow=slug)
        words = f"{what} is halted: a run in hand stops at its next step, and events wait."
    else:
        woken = resume(actor=actor(request), now=now, workflow=slug)
        words = f"{what} goes on" + (f", with {woken} run{'s' if woken != 1 else ''} that waited." if woken else ".")
    messages.success(request, words, extra_tags="ok")


def _switch(slug: str, name: str, switch: Halt | None, names: dict[str, str]) -> Switch:
    if switch is None:
        return Switch(slug, name, None, "", "")
    waits = _waiting_of(switch.pk)
    shown = f"{MOST:,}+" if waits == MOST else f"{waits:,}"
    one, many = ("run", "runs") if slug else ("event or run", "events and runs")
    who = names.get(switch.halted_by, switch.halted_by)
    return Switch(slug, name, switch, who, f"{shown} {one if waits == 1 else many}")


def _waiting_of(target: UUID) -> int:
    """At most MOST are counted: a queue may be long."""
    if target == EVERYTHING:
        due = OutboxJob.objects.filter(status="PENDING", available_at__lte=timezone.now()).exclude(kind="tick")
        return len(due.values_list("pk", flat=True)[:MOST])
    return len(QueuePlace.objects.filter(kind="halt", key=str(target)).values_list("pk", flat=True)[:MOST])


def _names(switches: Any) -> dict[str, str]:
    """Addresses of the people who turned them, by how the audit log names them."""
    ids = [said[1] for switch in switches if (said := switch.halted_by.partition("user:")[1:])[0] and said[1].isdigit()]
    return {f"user:{user.pk}": user.email for user in get_user_model().objects.filter(pk__in=ids)}
