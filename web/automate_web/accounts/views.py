"""Log-in, sign-up, reset: allauth's views in our look; the choice of a workspace; the way from host to host."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from allauth.account import views as allauth_views
from django.conf import settings
from django.contrib.auth import get_user_model, login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core import signing
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from automate_governance.errors import NotFound, PermissionDenied
from automate_tenants import failed_signups, features, visits
from automate_tenants.handover import is_latch, issue_ticket, new_latch, redeem_ticket, seal_of
from automate_tenants.hosts import read_address
from automate_tenants.invitations import invitations_for
from automate_tenants.middleware import without_membership
from automate_tenants.models import Membership, Preference
from automate_tenants.provisioning import SlugTaken
from automate_tenants.slugs import derive_slug, find_slug_problem
from automate_web import preferences
from automate_web.accounts import email_code, first_key, sessions
from automate_web.accounts.forms import (
    NOT_MADE,
    WorkspaceFields,
    WorkspaceNotMade,
    address_problem,
    free_slug,
    make_workspace,
)
from automate_web.addresses import app_url, workspace_url
from automate_web.requests import app_page, safe_path, tenant_of

LOGIN_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
LATCH_SECONDS = 600  # from the first leg to the last
_LEAVE_SALT = "automate.leave"


class SignupView(allauth_views.SignupView):  # type: ignore[misc]  # allauth ships no types
    """POST makes person and workspace. An address taken meanwhile is said beside its field, a failure of ours above the
    form, which is then its own retry; nothing is left of either.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated and not features.is_on("sign_up"):
            return render(request, "entrance/closed.html", status=403)
        return cast(HttpResponseBase, super().dispatch(request, *args, **kwargs))

    def form_valid(self, form: Any) -> HttpResponseBase:
        try:
            return cast(HttpResponseBase, super().form_valid(form))
        except SlugTaken:
            form.add_error("address", address_problem(form.cleaned_data["address"]))
            return cast(HttpResponseBase, self.form_invalid(form))
        except WorkspaceNotMade as failure:
            _note_failure(form.cleaned_data["email"], form, failure)
            form.add_error(None, NOT_MADE)
            response = cast(HttpResponseBase, self.form_invalid(form))
            response.status_code = 503
            return response


signup = app_page(SignupView.as_view())


@app_page
def log_in(request: HttpRequest) -> HttpResponseBase:
    """/login/: allauth's page. A way back into a workspace leads over its hand-over, or it would lead back here."""
    wanted = request.GET.get("next", "")
    if over := _over_hand_over(request, wanted):
        is_known = request.user.is_authenticated
        return redirect(over if is_known else f"{reverse('account_login')}?{urlencode({'next': over})}")
    return cast(HttpResponseBase, allauth_views.login(request))


@require_GET
@app_page
def check_address(request: HttpRequest) -> HttpResponse:
    """GET /signup/address/?address=&workspace_name=: whether the address is free, as it is typed."""
    typed = request.GET.get("address", "").strip().lower()
    name = request.GET.get("workspace_name", "").strip()
    if not typed and not name:
        return HttpResponse("")
    problem = address_problem(typed) if typed else ""
    context = {
        "problem": problem,
        "address": typed or free_slug(derive_slug(name)),
        "suggestion": free_slug(derive_slug(typed)) if problem else "",
    }
    return render(request, "account/_address.html", context)


@require_GET
@app_page
@never_cache
def root(request: HttpRequest) -> HttpResponse:
    """GET / on the app's host: to the one workspace, to the choice, or to log-in; into a new one at its start page."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    memberships = list(memberships_of(request.user.pk))
    wanted = request.session.pop("enter", None)
    for membership in memberships:
        if membership.tenant.slug == wanted or len(memberships) == 1:
            path = "/start/" if membership.tenant.slug == wanted else "/"
            return _to_hand_over(request, membership.tenant.slug, path)
    return redirect("workspaces")


@require_http_methods(["GET", "POST"])
@app_page
@login_required
@never_cache
def workspaces(request: HttpRequest) -> HttpResponse:
    """GET /workspaces/: the member's workspaces. POST opens one more."""
    form, status = WorkspaceFields(request.POST or None), 0
    user, may_open = cast(User, request.user), features.is_on("new_workspaces")
    if request.method == "POST" and not may_open:
        raise PermissionDenied("New workspaces are switched off by the operator of this installation.")
    if request.method == "POST" and form.is_valid():
        try:
            make_workspace(request, user, name=form.cleaned_data["workspace_name"], slug=form.cleaned_data["address"])
            return redirect("/")
        except SlugTaken:
            form.add_error("address", address_problem(form.cleaned_data["address"]))
        except WorkspaceNotMade as failure:
            _note_failure(user.email, form, failure)
            form.add_error(None, NOT_MADE)
            status = 503
    waiting = list(invitations_for(user.email, timezone.now())) if email_code.is_confirmed(request) else []
    context = {"memberships": list(memberships_of(user.pk)), "form": form, "invitations": waiting, "may_open": may_open}
    return render(request, "entrance/workspaces.html", context, status=status or (422 if form.errors else 200))


@require_GET
@app_page
@login_required
@never_cache
def enter(request: HttpRequest, slug: str) -> HttpResponse:
    """GET /enter/<slug>/?next=&seal=: hand the log-in over to a workspace's host. Not a member: no such workspace.

    Without the seal of a latch the browser first goes to the workspace's host for one, and comes back.
    """
    membership = memberships_of(request.user.pk).filter(tenant__slug=slug).first()
    if membership is None:
        raise NotFound("There is no such workspace, or you are not a member of it.")
    path, seal = safe_path(request.GET.get("next", "/")), request.GET.get("seal", "")
    return _hand_over(request, membership, path, seal) if seal else _to_hand_over(request, slug, path)


@require_GET
@never_cache
def arrive(request: HttpRequest) -> HttpResponse:
    """GET /handover/ on the workspace's host. With a ticket: spend it, log in here, leave its address.

    Without one: give this browser its latch and send the latch's seal to the app's host, which makes the ticket.
    """
    tenant = tenant_of(request)
    if tenant is None:
        raise NotFound("This page belongs to a workspace.")
    path = safe_path(request.GET.get("next", "/"))
    if "ticket" not in request.GET:
        return _give_latch(request, tenant.slug, path)
    ticket, latch = request.GET["ticket"], request.COOKIES.get(_latch_name(request), "")
    user_id = redeem_ticket(ticket, tenant.id, timezone.now(), latch=latch)
    user = get_user_model().objects.get(pk=user_id)
    login(request, user, backend=LOGIN_BACKEND)
    sessions.note_opened_here(request, tenant.slug, request.GET.get("by", ""))
    first_key.accept_sealed(request.session, tenant.id, request.GET.get("first", ""))
    prefix = request.META.get("SCRIPT_NAME", "")
    return HttpResponseRedirect(f"{prefix}{path}", headers={"Referrer-Policy": "no-referrer"})


@require_GET
@never_cache
def visit(request: HttpRequest) -> HttpResponse:
    """GET /visit/?word= on the workspace's host: an operator comes in, to look, by the word of the operators' pages."""
    tenant = tenant_of(request)
    if tenant is None:
        raise NotFound("This page belongs to a workspace.")
    visit = visits.enter(request.GET.get("word", ""), tenant.id, now=timezone.now())
    login(request, visit.operator, backend=LOGIN_BACKEND)
    request.session[visits.SESSION_KEY] = str(visit.pk)
    request.session.set_expiry(visit.expires_at)
    prefix = request.META.get("SCRIPT_NAME", "")
    return HttpResponseRedirect(f"{prefix}/", headers={"Referrer-Policy": "no-referrer"})


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """POST /leave/: log out of this host, then of the app's host, where a signed word of it arrives."""
    user_id = request.user.pk
    logout(request)
    if tenant_of(request) is None:
        return redirect("account_login")
    word = urlencode({"word": signing.dumps(user_id, salt=_LEAVE_SALT)})
    return HttpResponseRedirect(app_url(request, f"/left/?{word}"))


@require_GET
@app_page
@never_cache
def left(request: HttpRequest) -> HttpResponse:
    """GET /left/?word=: where a log-out from a workspace arrives. A fresh word of ours, for this user, logs out."""
    try:
        user_id = signing.loads(request.GET.get("word", ""), salt=_LEAVE_SALT, max_age=60)
    except signing.BadSignature:
        user_id = None
    if request.user.is_authenticated and request.user.pk == user_id:
        logout(request)
    return render(request, "entrance/left.html")


@require_POST
@without_membership
def theme(request: HttpRequest) -> HttpResponse:
    """POST /theme/ with `theme` (light, dark, or as the system says) or `times` (in UTC or local).

    Kept with the account of who is logged in; the theme also in this browser, for a year.
    """
    path = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(path, allowed_hosts=None):
        path = "/"
    response = HttpResponseRedirect(path)
    chosen = {}
    if (times := request.POST.get("times")) in Preference.Times.values:
        chosen["times"] = times
    else:
        theme = request.POST.get("theme")
        chosen["theme"] = theme if theme in {"light", "dark"} else "system"
        preferences.set_cookie(response, chosen["theme"])
    if request.user.is_authenticated:
        preferences.keep(request.user.pk, **chosen)
    return response


def memberships_of(user_id: int | None) -> QuerySet[Membership]:
    """The workspaces a person is in, by name."""
    return Membership.objects.filter(user_id=user_id or 0).select_related("tenant").order_by("tenant__name")


def _note_failure(email: str, form: Any, failure: WorkspaceNotMade) -> None:
    name, slug = form.cleaned_data["workspace_name"], form.cleaned_data["address"]
    failed_signups.note(email=email, name=name, slug=slug, error=failure.__cause__, now=timezone.now())


def _to_hand_over(request: HttpRequest, slug: str, path: str) -> HttpResponse:
    """The first leg: to the workspace's host, for a latch."""
    query = urlencode({"next": path, "at": request.get_host()})
    return redirect(workspace_url(request, slug, f"{reverse('arrive')}?{query}"))


def _give_latch(request: HttpRequest, slug: str, path: str) -> HttpResponse:
    """The second leg: back to the app's host with the seal. Tabs that open together share one latch."""
    known = request.COOKIES.get(_latch_name(request), "")
    latch = known if is_latch(known) else new_latch()
    way = reverse("enter", args=[slug]).removeprefix(request.META.get("SCRIPT_NAME", ""))
    way = f"{way}?{urlencode({'next': path, 'seal': seal_of(latch)})}"
    response = HttpResponseRedirect(app_url(request, way, asked_from=request.GET.get("at", "")))
    response.set_cookie(
        _latch_name(request),
        latch,
        max_age=LATCH_SECONDS,
        path=f"{request.META.get('SCRIPT_NAME', '')}/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def _latch_name(request: HttpRequest) -> str:
    """With the prefix that lets no other host set it, where browsers allow that: over https, at the root."""
    is_at_root = settings.SESSION_COOKIE_SECURE and not request.META.get("SCRIPT_NAME")
    return "__Host-automate_latch" if is_at_root else "automate_latch"


def _hand_over(request: HttpRequest, membership: Membership, path: str, seal: str) -> HttpResponse:
    """The third leg: the ticket."""
    ticket = issue_ticket(membership.user_id, membership.tenant_id, timezone.now(), seal=seal)
    query = {"ticket": ticket, "next": path, "by": sessions.word_of(request)}
    if sealed := first_key.take_sealed(request.session, membership.tenant_id):
        query["first"] = sealed
    target = workspace_url(request, membership.tenant.slug, f"{reverse('arrive')}?{urlencode(query)}")
    return HttpResponseRedirect(target, headers={"Referrer-Policy": "no-referrer"})


def _over_hand_over(request: HttpRequest, url: str) -> str | None:
    """`/enter/<slug>/?next=<path>` for an address inside a workspace; None for any other."""
    parts = urlsplit(url)
    address = read_address(parts.netloc or request.get_host(), parts.path, base_url=settings.BASE_URL)
    if address.slug is None or find_slug_problem(address.slug):
        return None
    path = parts.path[len(address.prefix) :] or "/"
    query = urlencode({"next": f"{path}?{parts.query}" if parts.query else path})
    return f"{reverse('enter', args=[address.slug])}?{query}"
