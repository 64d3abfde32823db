"""Team: who is in the workspace, who is invited, what each role may do; inviting, changing, removing, leaving."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from automate_governance.errors import NotFound
from automate_tenants import invitations, team
from automate_tenants.invitations import Sent
from automate_tenants.models import Membership
from automate_tenants.permissions import ROLE_PERMISSIONS
from automate_tenants.seats import SeatsTaken
from automate_web.accounts import email_code
from automate_web.accounts.invitations import written_by
from automate_web.addresses import app_url
from automate_web.invitation_letters import mail_all
from automate_web.requests import WorkspaceRequest, demand, workspace_page

_BETWEEN = re.compile(r"[\s,;]+")
CONFIRM_FIRST = "Confirm your own e-mail address first: the code is on the start page."
WHAT_ROLES_DO = [  # words, and the permission that shows who may
    ("See events, runs and workflows", "view_event"),
    ("Run, retry, replay, cancel, approve; halt and resume", "control_run"),
    ("Reveal raw payloads, with the password", "view_raw_payload"),
    ("Read the audit log, policies and the names of secrets", "view_audit"),
    ("Change and publish workflows, webhooks", "publish_workflow"),
    ("Manage API keys, secrets and policies", "manage_secrets"),
    ("Invite, change and remove members", "manage_members"),
    ("Change the workspace's name and time zone", "manage_workspace"),
    ("Demand a second factor of every member", "require_second_factor"),
    ("See billing", "view_billing"),
    ("Change billing", "manage_billing"),
]


class InviteForm(forms.Form):
    emails = forms.CharField(
        label="E-mail addresses",
        max_length=15_000,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text=f"Up to {invitations.MAX_AT_ONCE}, one a line or with commas between.",
    )
    role = forms.ChoiceField(label="As", initial=Membership.Role.BUILDER)

    def __init__(self, *args: Any, roles: list[tuple[str, str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = roles  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_members")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /team/: members, invitations, roles. POST invites: every address gets a letter, or none does."""
    form = InviteForm(request.POST or None, roles=_roles_to_give(request.membership))
    if request.method == "POST":
        demand(request, "automate.manage_members")
        if not email_code.is_confirmed(request):
            form.add_error(None, CONFIRM_FIRST)
        elif form.is_valid() and _invite(request, form):
            return redirect("team")
    now, mine = timezone.now(), request.membership
    manages = request.user.has_perm("automate.manage_members")
    context = {
        "form": form,
        "members": [
            (member, manages and team.may_give(mine.role, member.role)) for member in team.members(request.tenant.id)
        ],
        "invitations": [(one, one.expires_at <= now) for one in invitations.open_invitations(request.tenant.id)],
        "roles_to_give": _roles_to_give(mine),
        "roles": Membership.Role.labels,
        "matrix": [
            (words, [f"automate.{permission}" in ROLE_PERMISSIONS[role] for role in Membership.Role])
            for words, permission in WHAT_ROLES_DO
        ],
    }
    return render(request, "team/list.html", context, status=422 if form.errors else 200)


@require_POST
@workspace_page("automate.manage_members")
def role(request: WorkspaceRequest, member_id: int) -> HttpResponse:
    """POST /team/members/<member_id>/role/: another role, from the next request on."""
    wanted = request.POST.get("role", "")
    if wanted not in Membership.Role.values:
        raise NotFound("There is no such role.")
    try:
        member = team.change_role(
            by=team.in_person(request.membership), member_id=member_id, role=wanted, now=timezone.now()
        )
    except team.LastOwner as error:
        messages.error(request, error.message, extra_tags="bad")
    else:
        messages.success(request, f"{member.user.email} is {member.get_role_display()} now.", extra_tags="ok")
    return redirect("team")


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_members")
def remove(request: WorkspaceRequest, member_id: int) -> HttpResponse:
    """/team/members/<member_id>/remove/: end a membership; another person's needs manage_members."""
    member = team.members(request.tenant.id).filter(pk=member_id).first()
    is_own = member_id == request.membership.pk
    if not is_own:
        demand(request, "automate.manage_members")
    if member is None:
        raise NotFound("There is no such member in this workspace.")
    error = ""
    if request.method == "POST":
        try:
            team.remove_member(by=team.in_person(request.membership), member_id=member_id, now=timezone.now())
        except team.LastOwner as refused:
            error = refused.message
        else:
            return _after_removal(request, member, is_own=is_own)
    context = {"member": member, "is_own": is_own, "keys": team.keys_made_by(member, timezone.now()), "error": error}
    return render(request, "team/remove.html", context, status=409 if error else 200)


@require_POST
@workspace_page("automate.manage_members")
def resend(request: WorkspaceRequest, invitation_id: int) -> HttpResponse:
    """POST /team/invitations/<invitation_id>/letters/: a new link; the one before stops working."""
    if not invitations.open_invitations(request.tenant.id).filter(pk=invitation_id).exists():
        raise NotFound("There is no such open invitation in this workspace.")
    if not email_code.is_confirmed(request):
        messages.error(request, CONFIRM_FIRST, extra_tags="bad")
        return redirect("team")
    try:
        sent = invitations.resend(
            by=team.in_person(request.membership), invitation_id=invitation_id, now=timezone.now()
        )
    except invitations.TooManyLetters as error:
        messages.error(request, error.message, extra_tags="bad")
    else:
        _mail_all(request, [sent])
    return redirect("team")


@require_POST
@workspace_page("automate.manage_members")
def revoke(request: WorkspaceRequest, invitation_id: int) -> HttpResponse:
    """POST /team/invitations/<invitation_id>/revocations/: its link opens nothing from then on."""
    ended = invitations.revoke(by=team.in_person(request.membership), invitation_id=invitation_id, now=timezone.now())
    messages.success(request, f"The invitation of {ended.email} is revoked.", extra_tags="ok")
    return redirect("team")


@require_POST
@workspace_page("automate.view_members")
def end_tour(request: WorkspaceRequest) -> HttpResponse:
    """POST /team/tour/: put the short tour of an invited member away."""
    request.membership.is_tour_due = False
    request.membership.save(update_fields=["is_tour_due"])
    return redirect("home")


def _roles_to_give(giver: Membership) -> list[tuple[str, str]]:
    return [(role, label) for role, label in Membership.Role.choices if team.may_give(giver.role, role)]


def _invite(request: WorkspaceRequest, form: InviteForm) -> bool:
    """Whether the invitations were made; what stood against it is in the form then."""
    emails = _BETWEEN.split(form.cleaned_data["emails"])
    try:
        sent = invitations.invite(
            by=team.in_person(request.membership), emails=emails, role=form.cleaned_data["role"], now=timezone.now()
        )
    except (invitations.InvalidInvitation, invitations.TooManyLetters, SeatsTaken) as error:
        form.add_error(error.details.get("param"), error.message)
        return False
    if not sent:
        form.add_error("emails", "All of them are members already.")
        return False
    _mail_all(request, sent)
    return True


def _mail_all(request: WorkspaceRequest, sent: list[Sent]) -> None:
    """Mail each; a letter that cannot go now leaves its invitation, which can be sent again."""
    failed = mail_all(sent, written_by(request))
    if failed:
        words = f"The mail server did not take the letter to {', '.join(failed)}. Use “Send again” in a moment."
        messages.error(request, words, extra_tags="bad")
    if done := [one.invitation.email for one in sent if one.invitation.email not in failed]:
        messages.success(request, f"A letter is on its way to {', '.join(done)}.", extra_tags="ok")


def _after_removal(request: WorkspaceRequest, member: Membership, *, is_own: bool) -> HttpResponse:
    if is_own:
        return HttpResponseRedirect(app_url(request, "/workspaces/"))
    messages.success(request, f"{member.user.email} is no longer a member.", extra_tags="ok")
    return redirect("team")
