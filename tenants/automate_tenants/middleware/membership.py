"""Who may be in a workspace: its members, logged in here. Checked on every request, so a removal works at once.

A visitor who is not logged in is sent to the app's log-in page with the way back; one who is logged in and no member
gets the same 404 as for a workspace that does not exist. The API decides by key instead (`/api/`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils import timezone

from automate_tenants import second_factor, visits
from automate_tenants.context import TenantRef
from automate_tenants.directory import Workspace
from automate_tenants.hosts import APP_LABEL, base_host, host_name
from automate_tenants.middleware.workspace import API_PATH
from automate_tenants.models import Membership

SESSION_TENANT_KEY = "tenant_id"  # the workspace a session was opened in; 0 is the app
SEEN_PRECISION = timedelta(minutes=10)
_WITHOUT_SECOND_FACTOR = ("/leave/",)  # a way out for who has none and wants none
_OPEN_PATHS = ("/handover/", "/visit/")  # where a ticket is redeemed: nobody is logged in yet

View = TypeVar("View", bound=Callable[..., Any])


def without_membership(view: View) -> View:
    """A page of a workspace's host that visitors may see before they are known to be members."""
    view.without_membership = True  # type: ignore[attr-defined]
    return view


class MembershipMiddleware:
    """Sets `request.membership` inside a workspace, or answers in the page's place."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        tenant: TenantRef | None = getattr(request, "tenant", None)
        if request.path_info.startswith((API_PATH, *_OPEN_PATHS)):
            return None
        if tenant is None:
            _set_aside_foreign_session(request)
            return None
        if getattr(view, "without_membership", False):
            return None
        if not request.user.is_authenticated or not _opened_here(request, tenant):
            return _to_log_in(request)
        membership = Membership.objects.filter(user_id=request.user.pk, tenant_id=tenant.id).first()
        if membership is None:
            membership = visits.membership_of(request, tenant.id)
        if membership is None:
            raise Http404("There is no such workspace.")
        request.membership = membership  # type: ignore[attr-defined]
        if _lacks_second_factor(request):
            return _to_second_factor(request, tenant)
        _note_seen(membership)
        user: Any = request.user
        user._role_by_tenant = {tenant.id: membership.role}  # MembershipBackend reads it
        return None


def _note_seen(membership: Membership) -> None:
    """One write per member and ten minutes, not one per page."""
    now = timezone.now()
    if membership.latest_seen_at is None or now - membership.latest_seen_at >= SEEN_PRECISION:
        Membership.objects.filter(pk=membership.pk).update(latest_seen_at=now)


@receiver(user_logged_in)
def _bind_session(request: HttpRequest, **kwargs: object) -> None:
    tenant = getattr(request, "tenant", None)
    if hasattr(request, "tenant"):
        request.session[SESSION_TENANT_KEY] = tenant.id if tenant else 0


def _opened_here(request: HttpRequest, tenant: TenantRef) -> bool:
    """Whether the session was opened in this workspace: one from elsewhere, or without a mark, opens nothing."""
    return bool(request.session.get(SESSION_TENANT_KEY) == tenant.id)


def _set_aside_foreign_session(request: HttpRequest) -> None:
    """On the app's host a workspace's session counts for nothing: the app leads into every workspace of its person."""
    if settings.SESSION_COOKIE_NAME in request.COOKIES and request.session.get(SESSION_TENANT_KEY, 0) != 0:
        request.session = type(request.session)()
        request.user = request._cached_user = AnonymousUser()  # type: ignore[attr-defined]


def _to_log_in(request: HttpRequest) -> HttpResponse:
    is_page = request.method in {"GET", "HEAD"}
    url = log_in_url(request, request.get_full_path() if is_page else f"{request.META.get('SCRIPT_NAME', '')}/")
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=401, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def _lacks_second_factor(request: HttpRequest) -> bool:
    """The workspace demands one of its members, and this one has none. Who has one was asked for it at log-in."""
    workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware sets it
    if not workspace.requires_second_factor or request.path_info in _WITHOUT_SECOND_FACTOR:
        return False
    return not second_factor.has_one(request.user.pk)


def _to_second_factor(request: HttpRequest, tenant: TenantRef) -> HttpResponse:
    url = app_host_url(request, f"/account/?{urlencode({'needed': tenant.slug})}")
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=403, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def log_in_url(request: HttpRequest, path: str) -> str:
    """The app's log-in page, which leads back to `path` of this host. In a folder both are paths of one host."""
    if request.META.get("SCRIPT_NAME"):
        return f"{settings.LOGIN_URL}?{urlencode({'next': path})}"
    back = f"{request.scheme}://{request.get_host()}{path}"
    return app_host_url(request, f"{settings.LOGIN_URL}?{urlencode({'next': back})}")


def app_host_url(request: HttpRequest, path: str) -> str:
    """`path` on the app's host, seen from a workspace; in a folder that is the same host."""
    if request.META.get("SCRIPT_NAME"):
        return path
    base_url, rest = urlsplit(settings.BASE_URL), request.get_host().partition(".")[2]
    if base_host(settings.BASE_URL) and host_name(rest) == base_host(settings.BASE_URL):
        return f"{base_url.scheme}://{base_url.netloc}{path}"
    return f"{request.scheme}://{APP_LABEL}.{rest}{path}"
