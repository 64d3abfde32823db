"""The command palette: jump to a page, a workflow, a run or an event, or begin something, from any page.

The dialog asks for it as one types; `/find/` is the same without JavaScript. It lists only what the member may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from automate.models import Event, ExecutionRun, Workflow
from automate_governance.redaction import redact
from automate_web import filters
from automate_web.accounts.views import memberships_of
from automate_web.addresses import app_url
from automate_web.context import THEMES, pages_for
from automate_web.pages import docs
from automate_web.pages.find import address_of
from automate_web.requests import WorkspaceRequest, safe_path, wants_fragment, workspace_page

MAX_CHARACTERS = 200
MAX_WORKFLOWS = 8
MAX_OTHERS = 6  # of workspaces, and of pages of the documentation
ACTIONS = [  # what it says, the page where it is done, its anchor, who may
    ("Create a workflow", "workflow-new", "", "automate.change_workflow"),
    ("Import a workflow", "workflow-imports", "", "automate.change_workflow"),
    ("Send a test event", "start", "", "automate.send_event"),
    ("Create an API key", "keys", "#make", "automate.manage_keys"),
    ("Make a webhook endpoint", "endpoint-new", "", "automate.manage_endpoints"),
    ("Store a secret", "secrets", "", "automate.manage_secrets"),
    ("Invite people", "team", "#invite", "automate.manage_members"),
    ("Stop everything (kill switch)", "halts", "", "automate.pause_engine"),
]


@dataclass(frozen=True)
class Item:
    """One line: a link, or the button that sets `theme`."""

    label: str
    url: str = ""
    detail: str = ""
    theme: str = ""


@dataclass(frozen=True)
class Group:
    name: str
    items: list[Item]


@require_GET
@workspace_page("automate.view_members")
@never_cache
def find(request: WorkspaceRequest) -> HttpResponse:
    """GET /find/?q=: what there is by that name or id. Without JavaScript a pasted id opens what it names."""
    query = request.GET.get("q", "").strip()[:MAX_CHARACTERS]
    is_fragment = wants_fragment(request)
    found = _by_id(request, query) if filters.as_uuid(query) else None
    if found and not is_fragment:
        return redirect(found[0].url)
    groups = _by_words(request, query) if found is None else [Group("Opened by its id", found)]
    context = {"groups": [group for group in groups if group.items], "query": query}
    return render(request, "palette/_results.html" if is_fragment else "palette/page.html", context)


def _by_words(request: WorkspaceRequest, query: str) -> list[Group]:
    words = query.lower().split()
    pages = [Item(label, reverse(name)) for label, name in pages_for(request) if _says(label, words)]
    actions = [
        Item(label, reverse(name) + anchor)
        for label, name, anchor, permission in ACTIONS
        if request.user.has_perm(permission) and _says(label, words)
    ]
    themes = [Item(f"Switch to the {name} theme", theme=name) for name in THEMES]
    return [
        Group("Workflows", _workflows(request, query)),
        Group("Go to", pages),
        Group("Do", actions + [item for item in themes if words and _says(item.label, words)]),
        Group("Workspaces", _workspaces(request, words)),
        Group("Documentation", _documentation(words)),
        Group("Search", _searches(request, query)),
    ]


def _says(text: str, words: list[str]) -> bool:
    """Whether each word stands somewhere in the text.

    >>> _says("Create an API key", ["key", "crea"]), _says("Runs", [])
    (True, True)
    """
    lowered = text.lower()
    return all(word in lowered for word in words)


def _by_id(request: WorkspaceRequest, query: str) -> list[Item]:
    """The run, the event or the trace that a pasted id names."""
    found = filters.as_uuid(query)
    if found is None or not request.user.has_perm("automate.view_run"):
        return []
    run = ExecutionRun.objects.filter(pk=found).only("status").first()
    if run is not None:
        return [Item(f"Run {found}", reverse("run", args=[found]), run.get_status_display())]
    event = Event.objects.filter(pk=found).only("type").first()
    if event is not None:
        return [Item(f"Event {found}", reverse("event", args=[found]), str(redact(event.type)))]
    address = address_of(query)
    return [Item(f"Trace {found.hex}", address)] if address else []


def _workflows(request: WorkspaceRequest, query: str) -> list[Item]:
    if not query or not request.user.has_perm("automate.view_workflow"):
        return []
    found = Workflow.objects.filter(Q(name__icontains=query) | Q(slug__icontains=query)).only("name", "slug")
    return [
        Item(str(redact(workflow.name)), reverse("workflow", args=[workflow.pk]), workflow.slug)
        for workflow in found.order_by("name", "pk")[:MAX_WORKFLOWS]
    ]


def _workspaces(request: WorkspaceRequest, words: list[str]) -> list[Item]:
    """The member's other workspaces; switching keeps the kind of page."""
    if not words:
        return []
    page = safe_path(request.GET.get("kind", "/"))
    found = []
    for membership in memberships_of(request.user.pk):
        label = f"Switch to {membership.tenant.name}"
        if membership.tenant_id != request.tenant.id and _says(label, words):
            path = reverse("enter", args=[membership.tenant.slug]).removeprefix(request.META.get("SCRIPT_NAME", ""))
            url = app_url(request, f"{path}?{urlencode({'next': page})}")
            found.append(Item(label, url, membership.get_role_display()))
    return found[:MAX_OTHERS]


def _documentation(words: list[str]) -> list[Item]:
    pages = [page for page in docs.all_pages() if words and _says(page.title, words)]
    return [Item(page.title, reverse("doc", args=[page.name])) for page in pages[:MAX_OTHERS]]


def _searches(request: WorkspaceRequest, query: str) -> list[Item]:
    if not query or not request.user.has_perm("automate.view_run"):
        return []
    asked = urlencode({"q": query})
    return [
        Item(f"Runs that match “{query}”", f"{reverse('runs')}?{asked}"),
        Item(f"Events that match “{query}”", f"{reverse('events')}?{asked}"),
    ]
