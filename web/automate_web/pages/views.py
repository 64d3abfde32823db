"""Saved views: keep what a list shows under a name, rename it, share it, open the list with it, delete it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from automate.models import SavedView
from automate.services.saved_views import change_view, remove_view, save_view, views_of
from automate_governance.errors import Conflict, Invalid, NotFound, PermissionDenied
from automate_web import saved_views
from automate_web.requests import WorkspaceRequest, actor, demand, workspace_page

SHARE = "automate.control_run"  # who may put a view before everybody


@require_POST
@workspace_page("automate.view_workflow")
def save(request: WorkspaceRequest) -> HttpResponse:
    """POST /views/: keep the filter of a list (`page`, `query`) under `name`, and show it."""
    page = request.POST.get("page", "")
    saved_views.demand_list(request, page)
    query = saved_views.query_of(page, QueryDict(request.POST.get("query", "")).dict())
    try:
        view = save_view(
            page=page, name=request.POST.get("name", ""), query=query, owner=actor(request), now=timezone.now(),
            is_shared=_wants_shared(request), is_default=request.POST.get("is_default") == "yes",
        )  # fmt: skip
    except (Conflict, Invalid) as refused:
        messages.error(request, f"The view was not saved. {refused.message}", extra_tags="bad")
        return redirect(f"{reverse(page)}?{query or f'{saved_views.VIEW}={saved_views.ALL}'}")
    messages.success(request, f"“{view.name}” is saved.", extra_tags="ok")
    return redirect(saved_views.url_of(view))


@require_POST
@workspace_page("automate.view_workflow")
def change(request: WorkspaceRequest, view_id: int) -> HttpResponse:
    """POST /views/<view_id>/: another name, shared or not, the default or not; `query` takes over what is shown."""
    view = _seen(request, view_id)
    changes: dict[str, object] = {"name": request.POST.get("name", view.name), "is_shared": view.is_shared}
    if request.POST.get("is_shared", "") != ("yes" if view.is_shared else ""):
        changes["is_shared"] = _wants_shared(request)
    if view.owner == actor(request):
        changes["is_default"] = request.POST.get("is_default") == "yes"
    if "query" in request.POST:
        changes["query"] = saved_views.query_of(view.page, QueryDict(request.POST["query"]).dict())
    try:
        view = change_view(
            view_id=view.pk, actor=actor(request), now=timezone.now(), manages=_manages(request), **changes
        )
    except (Conflict, Invalid, PermissionDenied) as refused:
        messages.error(request, f"The view was not changed. {refused.message}", extra_tags="bad")
    else:
        messages.success(request, f"“{view.name}” is changed.", extra_tags="ok")
    return redirect(saved_views.url_of(view))


@require_POST
@workspace_page("automate.view_workflow")
def remove(request: WorkspaceRequest, view_id: int) -> HttpResponse:
    """POST /views/<view_id>/removals/: forget the view; what it showed stays where it is."""
    view = _seen(request, view_id)
    try:
        remove_view(view_id=view.pk, actor=actor(request), now=timezone.now(), manages=_manages(request))
    except PermissionDenied as refused:
        messages.error(request, f"The view was not deleted. {refused.message}", extra_tags="bad")
        return redirect(saved_views.url_of(view))
    messages.success(request, f"The view “{view.name}” is deleted.", extra_tags="ok")
    return redirect(f"{reverse(view.page)}?{saved_views.VIEW}={saved_views.ALL}")


def _seen(request: WorkspaceRequest, view_id: int) -> SavedView:
    view = views_of(actor(request)).filter(pk=view_id).first()
    if view is None:
        raise NotFound("There is no such view.")
    saved_views.demand_list(request, view.page)
    return view


def _wants_shared(request: WorkspaceRequest) -> bool:
    wants = request.POST.get("is_shared") == "yes"
    if wants:
        demand(request, SHARE)
    return wants


def _manages(request: WorkspaceRequest) -> bool:
    return request.user.has_perm("automate.manage_workspace")
