"""The e-mail address of the person who is here: typed digits confirm it, a button mails new ones."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from automate_governance.errors import NormalizedError
from automate_web.accounts import email_code
from automate_web.requests import WorkspaceRequest, workspace_page


@require_POST
@workspace_page("automate.view_event")
def confirm(request: WorkspaceRequest) -> HttpResponse:
    """POST /start/email/: the six digits."""
    try:
        released = email_code.confirm(request.user, request.POST.get("code", ""), now=timezone.now())
    except email_code.WrongCode as error:
        messages.error(request, error.message, extra_tags="bad")
        return redirect(f"{reverse('start')}#email")
    words = f" {released} held events go on now." if released else ""
    messages.success(request, f"Your e-mail address is confirmed.{words}", extra_tags="ok")
    return redirect("start")


@require_POST
@workspace_page("automate.view_event")
def send(request: WorkspaceRequest) -> HttpResponse:
    """POST /start/email/letters/: one more letter."""
    try:
        email_code.send(request.user, now=timezone.now())
    except OSError:
        messages.error(request, "The mail server did not take the letter. Try again in a moment.", extra_tags="bad")
    except NormalizedError as error:
        messages.error(request, error.message, extra_tags="bad")
    else:
        messages.success(request, f"A new code is on its way to {request.user.email}.", extra_tags="ok")
    return redirect(f"{reverse('start')}#email")
