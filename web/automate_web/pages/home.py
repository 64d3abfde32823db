"""`/`: on the app's host the way in, in a workspace the page that matters now."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from automate.models import Event
from automate_web.accounts.views import root
from automate_web.requests import WorkspaceRequest, tenant_of, workspace_page


@require_GET
def home(request: HttpRequest) -> HttpResponseBase:
    return root(request) if tenant_of(request) is None else in_workspace(request)


@workspace_page("automate.view_members")
def in_workspace(request: WorkspaceRequest) -> HttpResponseBase:
    """To the runs; to the start page until the first event is in; to the team for a role that sees neither."""
    if not request.user.has_perm("automate.view_event"):
        return redirect("team")
    return redirect("runs" if Event.objects.exists() else "start")
