"""What a page knows about who asks: the workspace and the member, checked by the middleware before any page runs.

Decorators here say where a page lives (a workspace's host or the app's) and what its reader must be allowed to do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme

from automate_governance.errors import NotFound, PermissionDenied
from automate_tenants.context import TenantRef
from automate_tenants.directory import Workspace
from automate_tenants.models import Membership
from automate_web.filters import whole_number

Args = ParamSpec("Args")


class WorkspaceRequest(HttpRequest):
    """A request inside a workspace, by one of its members. Only a name for what the middleware has set."""

    tenant: TenantRef
    workspace: Workspace
    membership: Membership
    trace_id: str
    user: User


def workspace_page(
    permission: str,
) -> Callable[
    [Callable[Concatenate[WorkspaceRequest, Args], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, Args], HttpResponseBase],
]:
    """A page of a workspace that needs `permission`: not found outside one, refused with the permission's name."""

    def decorate(
        view: Callable[Concatenate[WorkspaceRequest, Args], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, Args], HttpResponseBase]:
        @wraps(view)
        def inner(request: HttpRequest, *args: Args.args, **kwargs: Args.kwargs) -> HttpResponseBase:
            if tenant_of(request) is None or not request.user.is_authenticated:
                raise NotFound("This page belongs to a workspace.")
            demand(cast(WorkspaceRequest, request), permission)
            return view(cast(WorkspaceRequest, request), *args, **kwargs)

        return cast(Callable[Concatenate[HttpRequest, Args], HttpResponseBase], inner)

    return decorate


def app_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page of the app's host: sign-up, log-in, the choice of a workspace. Not found inside a workspace."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if tenant_of(request) is not None:
            raise NotFound("This page is not part of a workspace.")
        return view(request, *args, **kwargs)

    return inner


def demand(request: WorkspaceRequest, permission: str) -> None:
    """Refuse, with the permission's name, unless the member's role has it in this workspace."""
    if not request.user.has_perm(permission):
        raise PermissionDenied("Your role may not do this.", details={"permission": permission})


def tenant_of(request: HttpRequest) -> TenantRef | None:
    return getattr(request, "tenant", None)


def actor(request: WorkspaceRequest) -> str:
    """How the audit log names the person."""
    return f"user:{request.user.pk}"


def revision_of(request: HttpRequest) -> int:
    """The revision that a form's page showed; -1, which nothing has, for what is no number."""
    revision = whole_number(request.POST.get("revision", ""))
    return -1 if revision is None else revision


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page; without JavaScript every answer is a whole page."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def safe_path(path: str) -> str:
    """A path on the same host; anything else becomes `/`.

    >>> safe_path("/runs/?status=failed"), safe_path("//evil.example"), safe_path("https://evil.example")
    ('/runs/?status=failed', '/', '/')
    """
    safe = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if safe else "/"
