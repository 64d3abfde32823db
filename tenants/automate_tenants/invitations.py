"""Invitations: an e-mail address becomes a member by a link that was mailed there. Seven days, once, revocable.

Who opens the link has read that address's mail, so accepting confirms the address. It must be accepted by the person
of that address: a link that was forwarded opens nothing for somebody else.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet

from automate_governance.errors import Conflict, Invalid, NormalizedError, NotFound, PermissionDenied
from automate_tenants import audit, seats
from automate_tenants.context import tenant_scope
from automate_tenants.directory import tenant_by_id
from automate_tenants.models import Invitation, Membership
from automate_tenants.notifications.events import tell_joined
from automate_tenants.team import Manager, may_give

LIFE = timedelta(days=7)
MAX_AT_ONCE = 50
MAX_OPEN = 200  # per workspace
MAX_LETTERS = 5  # per invitation
LETTERS_SPAN = timedelta(days=1)


class InvalidInvitation(Invalid):
    """It cannot be sent as asked; `details.param` names what is wrong."""

    code = "invalid_invitation"


class TooManyLetters(NormalizedError):
    """The address was mailed to often enough for a day."""

    code, http_status = "too_many_letters", 429


class InvitationOver(NotFound):
    """The link is used up, revoked, replaced by a later letter, or too old."""

    code = "invitation_over"


class OtherPerson(Conflict):
    """The link is for another e-mail address than that of the person who opened it."""

    code = "invitation_for_another"


@dataclass(frozen=True)
class Sent:
    """An invitation and the text of its link's token, which cannot be read again."""

    invitation: Invitation
    token: str


@transaction.atomic
def invite(*, by: Manager, emails: Sequence[str], role: str, now: datetime) -> list[Sent]:
    """Invite each address, all or none. Who is a member is left out; who is invited already gets a new link and role.

    Raises InvalidInvitation, PermissionDenied, TooManyLetters, SeatsTaken.
    """
    _demand_rank(by, role)
    wanted = _addresses(emails)
    seats.lock(by.tenant_id)
    known = Membership.objects.filter(tenant_id=by.tenant_id, user__email__in=wanted)
    present = {email.lower() for email in known.values_list("user__email", flat=True)}
    sent = [_invite(by, email, role, now) for email in wanted if email not in present]
    seats.demand(by.tenant_id, now=now, with_invited=True)
    if open_invitations(by.tenant_id).count() > MAX_OPEN:
        words = f"A workspace has at most {MAX_OPEN} open invitations. Revoke some first."
        raise InvalidInvitation(words, details={"param": "emails"})
    return sent


@transaction.atomic
def resend(*, by: Manager, invitation_id: int, now: datetime) -> Sent:
    """A new link for seven more days in the place of the one before. Raises NotFound, TooManyLetters."""
    invitation = _lock(by.tenant_id, invitation_id)
    _demand_rank(by, invitation.role)
    token = _renew(invitation, now)
    invitation.save()
    _record(invitation, by.actor, "invitation.resend", now)
    return Sent(invitation, token)


@transaction.atomic
def revoke(*, by: Manager, invitation_id: int, now: datetime) -> Invitation:
    """End an open invitation; its link opens nothing from then on. Raises NotFound, PermissionDenied."""
    invitation = _lock(by.tenant_id, invitation_id)
    _demand_rank(by, invitation.role)
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])
    _record(invitation, by.actor, "invitation.revoke", now)
    return invitation


def note_letters(sent: Sequence[Sent], *, failed: Collection[str], now: datetime) -> None:
    """Say of the addresses in `failed` that the mail server did not take their letter: it can be sent again."""
    for one in sent:
        if one.invitation.email in failed:
            one.invitation.letter_failed_at = now
    lost = [one.invitation.pk for one in sent if one.invitation.email in failed]
    Invitation.objects.filter(pk__in=lost, accepted_at=None).update(letter_failed_at=now)


def open_invitations(tenant_id: int) -> QuerySet[Invitation]:
    """Neither accepted nor revoked, newest first; expired ones are among them, to be sent again."""
    found = Invitation.objects.filter(tenant_id=tenant_id, accepted_at=None, revoked_at=None)
    return found.select_related("invited_by").order_by("-pk")


def invitations_for(email: str, now: datetime) -> QuerySet[Invitation]:
    """What waits for a confirmed address: open, not expired, with the workspace."""
    waiting = Invitation.objects.filter(email=email.lower(), accepted_at=None, revoked_at=None, expires_at__gt=now)
    return waiting.select_related("tenant", "invited_by").order_by("tenant__name")


def read_link(token: str, *, now: datetime) -> Invitation:
    """The invitation of a link that still works. Raises InvitationOver."""
    found = Invitation.objects.filter(token_hash=_digest(token)).select_related("tenant", "invited_by").first()
    if found is None or found.accepted_at or found.revoked_at or found.expires_at <= now:
        raise InvitationOver(f"This invitation is used up, revoked, or older than {LIFE.days} days. Ask for a new one.")
    return found


@transaction.atomic
def accept(invitation: Invitation, user: User, *, now: datetime) -> Membership:
    """Make `user` a member; who is one already keeps their role. Raises InvitationOver, OtherPerson, SeatsTaken."""
    if user.email.lower() != invitation.email:
        raise OtherPerson(f"This invitation is for {invitation.email}, and you are {user.email}.")
    seats.lock(invitation.tenant_id)
    locked = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if locked.accepted_at or locked.revoked_at or locked.expires_at <= now:
        raise InvitationOver("This invitation is used up, revoked or too old. Ask for a new one.")
    locked.accepted_at, locked.accepted_by = now, user
    locked.save(update_fields=["accepted_at", "accepted_by"])
    member, is_new = Membership.objects.get_or_create(
        user=user,
        tenant_id=locked.tenant_id,
        defaults={"role": locked.role, "created_at": now, "is_tour_due": True, "checklist_dismissed_at": now},
    )
    if is_new:
        seats.demand(locked.tenant_id, now=now, with_invited=False)
        _record(locked, f"user:{user.pk}", "member.join", now)
        with tenant_scope(tenant_by_id(locked.tenant_id)):
            tell_joined(invitation_id=locked.pk, email=locked.email, role=locked.role, now=now)
    return member


def _invite(by: Manager, email: str, role: str, now: datetime) -> Sent:
    invitation = (
        Invitation.objects.select_for_update()
        .filter(tenant_id=by.tenant_id, email=email, accepted_at=None, revoked_at=None)
        .first()
    )
    if invitation is None:
        invitation = Invitation(
            tenant_id=by.tenant_id, email=email, created_at=now, first_sent_at=now, letters=0, expires_at=now
        )
    else:
        _demand_rank(by, invitation.role)
    token = _renew(invitation, now)
    invitation.role, invitation.invited_by_id = role, by.user_id
    invitation.save()
    _record(invitation, by.actor, "invitation.create", now)
    return Sent(invitation, token)


def _renew(invitation: Invitation, now: datetime) -> str:
    """A new token for seven days, counted as one more letter. The text of the token."""
    if now - invitation.first_sent_at > LETTERS_SPAN:
        invitation.letters, invitation.first_sent_at = 0, now
    if invitation.letters >= MAX_LETTERS:
        raise TooManyLetters(f"{MAX_LETTERS} letters went to {invitation.email} today. Try again tomorrow.")
    token = secrets.token_urlsafe(32)
    invitation.letters, invitation.expires_at = invitation.letters + 1, now + LIFE
    invitation.token_hash, invitation.letter_failed_at = _digest(token), None
    return token


def _addresses(emails: Sequence[str]) -> list[str]:
    """In lower case, each once. Raises InvalidInvitation, which names those that are no addresses."""
    wanted = list(dict.fromkeys(email.strip().lower() for email in emails if email.strip()))
    if not 1 <= len(wanted) <= MAX_AT_ONCE:
        raise InvalidInvitation(f"Name 1 to {MAX_AT_ONCE} e-mail addresses.", details={"param": "emails"})
    wrong = [email for email in wanted if not _is_address(email)]
    if wrong:
        words = f"Not an e-mail address: {', '.join(wrong[:3])}{' …' if len(wrong) > 3 else ''}"
        raise InvalidInvitation(words, details={"param": "emails", "wrong": wrong})
    return wanted


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 254


def _demand_rank(by: Manager, role: str) -> None:
    if role not in Membership.Role.values:
        raise InvalidInvitation("Choose one of the roles.", details={"param": "role"})
    if not may_give(by.role, role):
        raise PermissionDenied("Only an Owner may invite an Owner.", details={"role": Membership.Role.OWNER})


def _lock(tenant_id: int, invitation_id: int) -> Invitation:
    found = Invitation.objects.select_for_update().filter(tenant_id=tenant_id, pk=invitation_id)
    invitation = found.filter(accepted_at=None, revoked_at=None).first()
    if invitation is None:
        raise NotFound("There is no such open invitation in this workspace.")
    return invitation


def _digest(token: str) -> bytes:
    """SHA-256 of the token (256 random bits: no salt needed)."""
    return hashlib.sha256(token.encode()).digest()


def _record(invitation: Invitation, actor: str, action: str, now: datetime) -> None:
    audit.record(
        tenant_by_id(invitation.tenant_id),
        actor=actor,
        action=action,
        resource=f"invitation:{invitation.pk}",
        details={"email": invitation.email, "role": invitation.role},
        now=now,
    )
