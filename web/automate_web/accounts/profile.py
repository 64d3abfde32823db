"""Account: the person behind every workspace. Address, password, second factor, and where they are logged in."""

from __future__ import annotations

from typing import cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from automate_tenants.models import Tenant
from automate_web.accounts import account_log, email_code, sessions
from automate_web.addresses import lives_in_folders
from automate_web.requests import app_page


@require_GET
@app_page
@login_required
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """GET /account/?needed=<workspace>: everything at one look; each change has a page of its own."""
    user = cast(User, request.user)
    factors = {Authenticator.Type(one.type): one for one in Authenticator.objects.filter(user=user)}
    passkeys = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).order_by("created_at")
    codes = factors.get(Authenticator.Type.RECOVERY_CODES)
    context = {
        "is_confirmed": email_code.is_confirmed(request),
        "new_email": EmailAddress.objects.get_new(user),
        "app": factors.get(Authenticator.Type.TOTP),
        "passkeys": [one.wrap() for one in passkeys],
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else None,
        "browsers": sessions.browsers(user, request.session.session_key),
        "needed_by": _needed_by(request, user),
        "log": [(one, account_log.WORDS.get(one.action, one.action)) for one in account_log.latest(user.pk)],
        "can_have_passkeys": not _is_an_ip_address(request),
    }
    return render(request, "account/profile.html", context)


@require_POST
@app_page
@login_required
def end_sessions(request: HttpRequest) -> HttpResponse:
    """POST /account/sessions/ends/ with `session` (an id) or `others`: log those browsers out, at once."""
    user = cast(User, request.user)
    known = sessions.browsers(user, request.session.session_key)
    if request.POST.get("others"):
        ids = {browser.session.pk for browser in known if not browser.is_current}
    else:
        ids = {browser.session.pk for browser in known if str(browser.session.pk) == request.POST.get("session")}
    is_own = any(browser.is_current and browser.session.pk in ids for browser in known)
    count = sessions.end(user, ids)
    if count:
        account_log.note(request, user.pk, "sessions_ended", f"{count} browser{'s' if count != 1 else ''}")
    if is_own:
        return redirect("account_login")
    words = f"Logged out {count} browser{'s' if count != 1 else ''}." if count else "That session has ended already."
    messages.success(request, words, extra_tags="ok")
    return redirect("account")


def _needed_by(request: HttpRequest, user: User) -> Tenant | None:
    """The workspace that sent the person here because it demands a second factor; only one of their own."""
    slug = request.GET.get("needed", "")
    return Tenant.objects.filter(slug=slug, memberships__user=user).first() if slug else None


def _is_an_ip_address(request: HttpRequest) -> bool:
    """Browsers keep passkeys for names only; `localhost` is one."""
    host = request.get_host()
    return lives_in_folders(host) and host.rpartition(":")[0] != "localhost" and host != "localhost"
