"""Templates: the gallery, one of them with its drawing and what it needs, and the drafts made from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from automate.definitions import jsontext
from automate.definitions.written import write
from automate_governance.errors import NormalizedError
from automate_governance.models import StoredSecret
from automate_web import diagrams, filters
from automate_web import gallery as shelf
from automate_web.requests import WorkspaceRequest, actor, workspace_page

FILTERS = ("q", "category")


@dataclass(frozen=True)
class Needed:
    """A secret that a template refers to."""

    name: str
    what: str
    is_stored: bool


@require_GET
@workspace_page("automate.view_workflow")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /workflows/templates/"""
    asked = filters.read(request.GET, *FILTERS)
    known = shelf.templates().values()
    context = {
        "asked": asked,
        "chips": filters.in_force(request.GET, *FILTERS),
        "categories": sorted({one.category for one in known}),
        "templates": [one for one in known if shelf.fits(one, asked["q"], asked["category"])],
    }
    return render(request, "workflows/templates.html", context)


@require_GET
@workspace_page("automate.view_workflow")
def shown(request: WorkspaceRequest, template: str) -> HttpResponse:
    """GET /workflows/templates/<template>/"""
    found = shelf.find(template)
    context = {
        "template": found,
        "diagram": diagrams.draw(found.definition),
        "companions": [(one, diagrams.draw(one)) for one in found.companions],
        "secrets": needed(found),
        "sample": write_sample(found),
        "text": write(found.definition),
    }
    return render(request, "workflows/template.html", context)


@require_POST
@workspace_page("automate.change_workflow")
def use(request: WorkspaceRequest, template: str) -> HttpResponse:
    """POST /workflows/templates/<template>/workflows/: make the drafts; with `try=yes` go on to what they would do."""
    found = shelf.find(template)
    try:
        made = shelf.make(found, actor=actor(request), now=timezone.now())
    except NormalizedError as error:
        messages.error(request, f"Nothing was made. {error.message}", extra_tags="bad")
        return redirect("workflow-template", template)
    page = "workflow-dry-run" if request.POST.get("try") == "yes" else "workflow"
    return redirect(f"{reverse(page, args=[made.pk])}?{urlencode({'template': template})}")


def needed(found: shelf.Template) -> list[Needed]:
    """Its secrets, and which of them are stored already; one query."""
    there = set(StoredSecret.objects.filter(name__in=list(found.secrets)).values_list("name", flat=True))
    return [Needed(name, what, name in there) for name, what in found.secrets.items()]


def to_fill_in(found: shelf.Template, text: str) -> list[tuple[int, str]]:
    """What everybody writes of their own, each with its line in `text`, which may have been edited by now."""
    lines = jsontext.lines_of(text)
    return [(jsontext.line_of(lines, place.path), place.what) for place in found.fill]


def write_sample(found: shelf.Template) -> str:
    """The sample payload as a form shows it."""
    return json.dumps(found.sample, indent=2, ensure_ascii=False)


def made_from(request: WorkspaceRequest, text: str) -> dict[str, Any]:
    """What the page of a workflow that was just made from a template says about it; nothing for others."""
    slug = request.GET.get("template", "")
    if slug not in shelf.templates():
        return {}
    found = shelf.find(slug)
    return {"made_from": found, "to_fill_in": to_fill_in(found, text), "needed": needed(found)}
