"""Which workspace a request is for, by its host or its folder, before any page runs.

Inside a workspace `request.tenant` is its TenantRef, the database is at its schema and the ContextVar says so; outside,
`request.tenant` is None and only public tables are visible. A folder (`/w/<slug>/`) is served by the same URLconf: it
becomes the script prefix, and the session gets a cookie of its own name and path there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponsePermanentRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import get_script_prefix, set_script_prefix

from automate_tenants.context import TenantRef, public_scope, tenant_scope
from automate_tenants.directory import Workspace, find_workspace
from automate_tenants.hosts import FOLDER, Address, is_operators_host, read_address

API_PATH = "/api/"
SUSPENDED = ["workspace_suspended.html", "automate_tenants/suspended.html"]  # the portal's, or ours, which is plain


class WorkspaceMiddleware:
    """Sets `request.tenant` and `request.workspace`, and enters the scope. Unknown: 404.

    Suspended: a page that says so.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_operators_host(request.get_host(), base_url=settings.BASE_URL):
            request.urlconf = settings.OPERATORS_URLCONF  # Django's own way to say it
            return self._outside(request)
        address = read_address(request.get_host(), request.path_info, base_url=settings.BASE_URL)
        if address.slug is None:
            return self._outside(request)
        workspace = find_workspace(address.slug)
        if workspace is None:
            self._mark(request, None)
            with public_scope():
                raise Http404("There is no such workspace.")
        if not address.prefix and request.path_info.startswith(FOLDER):
            return HttpResponsePermanentRedirect(f"{request.path}/")
        return self._inside(request, workspace, address)

    def _outside(self, request: HttpRequest) -> HttpResponseBase:
        self._mark(request, None)
        with public_scope():
            return self.get_response(request)

    def _inside(self, request: HttpRequest, workspace: Workspace, address: Address) -> HttpResponseBase:
        self._mark(request, workspace)
        with _script_prefix(request, address.prefix), tenant_scope(workspace.tenant):
            if workspace.is_stopped and not request.path_info.startswith(API_PATH):
                return render(request, SUSPENDED, {"workspace": workspace}, status=403)
            if address.prefix:
                _take_folder_cookie(request, workspace.tenant)
            response = self.get_response(request)
            if address.prefix and isinstance(response, HttpResponse | StreamingHttpResponse):
                _give_folder_cookie(response, workspace.tenant, address.prefix)
        return _streamed_in_scope(response, workspace.tenant)

    def _mark(self, request: HttpRequest, workspace: Workspace | None) -> None:
        request.workspace = workspace  # type: ignore[attr-defined]
        request.tenant = workspace.tenant if workspace else None  # type: ignore[attr-defined]
        request.membership = None  # type: ignore[attr-defined]  # MembershipMiddleware finds it


@contextmanager
def _script_prefix(request: HttpRequest, prefix: str) -> Iterator[None]:
    """Serve the folder as if it were the root: `path` stays, `path_info` and every reversed URL move."""
    if not prefix:
        yield
        return
    before = get_script_prefix()
    script_name = before.rstrip("/") + prefix
    request.path_info = request.path_info[len(prefix) :] or "/"
    request.META["SCRIPT_NAME"], request.META["PATH_INFO"] = script_name, request.path_info
    set_script_prefix(f"{script_name}/")
    try:
        yield
    finally:
        set_script_prefix(before)


def folder_cookie_name(tenant: TenantRef) -> str:
    """The session cookie's name under /w/<slug>/: the app's own cookie is sent there too, and must not be mistaken."""
    return f"{settings.SESSION_COOKIE_NAME}_{tenant.schema_name}"


def _take_folder_cookie(request: HttpRequest, tenant: TenantRef) -> None:
    request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
    if value := request.COOKIES.get(folder_cookie_name(tenant)):
        request.COOKIES[settings.SESSION_COOKIE_NAME] = value


def _give_folder_cookie(response: HttpResponse | StreamingHttpResponse, tenant: TenantRef, prefix: str) -> None:
    morsel = response.cookies.pop(settings.SESSION_COOKIE_NAME, None)
    if morsel is None:
        return
    name = folder_cookie_name(tenant)
    response.cookies[name] = morsel.value
    renamed = response.cookies[name]
    for attribute, value in morsel.items():
        if value != "":
            renamed[attribute] = value
    renamed["path"] = f"{prefix}/"


def _streamed_in_scope(response: HttpResponseBase, tenant: TenantRef) -> HttpResponseBase:
    """A streamed body is made after this middleware has returned; each part is made in the tenant's scope again."""
    if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse) and not response.is_async:
        parts = iter(response)

        def in_scope() -> Iterator[bytes]:
            while True:
                with tenant_scope(tenant):
                    try:
                        part = next(parts)
                    except StopIteration:
                        return
                yield part

        response.streaming_content = in_scope()
    return response
