"""Which lists can be kept under a name, and what of their address is kept: the filters, never the page.

A member's default is what the list opens with when its address names nothing; `?view=all` is the whole list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from automate.models import SavedView
from automate.services.saved_views import views_of
from automate_governance.errors import Invalid
from automate_web import columns
from automate_web.copy_as import calls
from automate_web.requests import WorkspaceRequest, actor, demand, wants_fragment

VIEW = "view"  # the parameter that names the view in a list's address
ALL = "all"
MAX_VALUE = 200


@dataclass(frozen=True)
class Listed:
    """A list whose filter can be kept, and the permission that shows it."""

    permission: str
    filters: tuple[str, ...]


LISTS = {
    "runs": Listed("automate.view_run", calls.RUNS),
    "events": Listed("automate.view_event", calls.EVENTS),
    "failures": Listed("automate.view_run", calls.FAILURES),
    "workflows": Listed("automate.view_workflow", calls.WORKFLOWS),
    "audit": Listed("automate.view_audit", calls.AUDIT),
}


@dataclass(frozen=True)
class Tab:
    """A view as the list shows it."""

    view: SavedView
    url: str
    is_current: bool
    is_own: bool
    may_change: bool


def listed(page: str) -> Listed:
    """Raises Invalid for a page that is no such list."""
    if page not in LISTS:
        known = {"param": "page", "one_of": list(LISTS)}
        raise Invalid(f"There is no list “{page[:40]}” whose filter could be kept.", details=known)
    return LISTS[page]


def kept_of(page: str) -> tuple[str, ...]:
    """What of the list's address a view keeps: its filters, and the columns where they can be chosen."""
    return (*listed(page).filters, *((columns.PARAMETER,) if page in columns.LISTS else ()))


def query_of(page: str, values: Mapping[str, str]) -> str:
    """The list's filters among `values` as a query string, in one order, so that the same filter is the same text."""
    kept = [(name, value) for name in kept_of(page) if (value := values.get(name, "").strip())]
    for name, value in kept:
        if len(value) > MAX_VALUE or "\x00" in value:
            raise Invalid(f"{name} is too long to be kept.", details={"param": name})
    return urlencode(kept)


def filters_of(view: SavedView) -> dict[str, str]:
    """The filter that a view keeps, by name."""
    return QueryDict(view.query).dict()


def opens_with_default(
    page: str,
) -> Callable[[Callable[[WorkspaceRequest], HttpResponse]], Callable[[WorkspaceRequest], HttpResponse]]:
    """A list that opens with the member's default view where its address names nothing at all."""

    def decorate(view: Callable[[WorkspaceRequest], HttpResponse]) -> Callable[[WorkspaceRequest], HttpResponse]:
        @wraps(view)
        def inner(request: WorkspaceRequest) -> HttpResponse:
            if (tidy := columns.tidied(request)) is not None:
                return tidy
            if request.method == "GET" and not request.META.get("QUERY_STRING") and not wants_fragment(request):
                default = next((one for one in _seen(request, page) if one.is_default and _is_own(one, request)), None)
                if default is not None:
                    return redirect(url_of(default))
            return view(request)

        return inner

    return decorate


def url_of(view: SavedView) -> str:
    """Where the list is with this view; what else was in force is not."""
    return f"{reverse(view.page)}?{view.query}{'&' if view.query else ''}{VIEW}={view.pk}"


def tabs(request: WorkspaceRequest, page: str) -> list[Tab]:
    """The member's views of a list, and those that others share. One query for a request."""
    current = request.GET.get(VIEW, "")
    manages = request.user.has_perm("automate.manage_workspace")
    return [
        Tab(one, url_of(one), str(one.pk) == current, _is_own(one, request), _is_own(one, request) or manages)
        for one in _seen(request, page)
    ]


def demand_list(request: WorkspaceRequest, page: str) -> Listed:
    """The list, for a member who may see it. Raises Invalid, PermissionDenied."""
    found = listed(page)
    demand(request, found.permission)
    return found


def _is_own(view: SavedView, request: WorkspaceRequest) -> bool:
    return view.owner == actor(request)


def _seen(request: WorkspaceRequest, page: str) -> list[SavedView]:
    kept: dict[str, list[SavedView]] = request.__dict__.setdefault("_views_by_page", {})
    if page not in kept:
        kept[page] = list(views_of(actor(request), page=page))
    return kept[page]


def answer_of(view: SavedView) -> dict[str, Any]:
    """A view as data."""
    return {
        "id": str(view.pk),
        "page": view.page,
        "name": view.name,
        "filters": filters_of(view),
        "is_shared": view.is_shared,
        "owner": view.owner,
        "created_at": view.created_at,
        "updated_at": view.updated_at,
    }
