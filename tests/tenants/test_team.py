"""The team: roles given by rank, an owner always, invitations that open once for one address."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from automate.models import AuditLogEntry
from automate_governance.errors import NotFound, PermissionDenied
from automate_tenants import invitations, team
from automate_tenants.context import tenant_scope
from automate_tenants.invitations import InvalidInvitation, InvitationOver, OtherPerson, TooManyLetters
from automate_tenants.keys import create_key
from automate_tenants.models import Invitation, Membership
from tests.support.workspaces import Workspace

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def person(email: str = "") -> User:
    email = email or f"{uuid4().hex[:8]}@example.com"
    return get_user_model().objects.create_user(username=email, email=email)


def member(workspace: Workspace, role: str) -> Membership:
    return Membership.objects.create(user=person(), tenant_id=workspace.ref.id, role=role, created_at=NOW)


def owner_of(workspace: Workspace) -> Membership:
    return Membership.objects.get(user=workspace.owner, tenant_id=workspace.ref.id)


def the_owner(workspace: Workspace) -> team.Manager:
    return team.in_person(owner_of(workspace))


def invited(workspace: Workspace, email: str = "new@example.com", role: str = "builder") -> invitations.Sent:
    [sent] = invitations.invite(by=the_owner(workspace), emails=[email], role=role, now=NOW)
    return sent


def latest_audit(workspace: Workspace) -> AuditLogEntry:
    with tenant_scope(workspace.ref):
        return AuditLogEntry.objects.order_by("-id")[0]


def test_a_role_is_given_and_stands_in_the_audit_log(tenant_a: Workspace) -> None:
    someone = member(tenant_a, "viewer")

    team.change_role(by=the_owner(tenant_a), member_id=someone.pk, role="admin", now=NOW)

    someone.refresh_from_db()
    entry = latest_audit(tenant_a)
    assert someone.role == "admin"
    assert (entry.action, entry.resource) == ("member.change_role", f"user:{someone.user_id}")
    assert entry.details == {"email": someone.user.email, "role": "admin", "was": "viewer"}


def test_an_admin_neither_makes_nor_touches_an_owner(tenant_a: Workspace) -> None:
    admin, someone, owner = member(tenant_a, "admin"), member(tenant_a, "viewer"), owner_of(tenant_a)

    with pytest.raises(PermissionDenied):
        team.change_role(by=team.in_person(admin), member_id=someone.pk, role="owner", now=NOW)
    with pytest.raises(PermissionDenied):
        team.change_role(by=team.in_person(admin), member_id=owner.pk, role="viewer", now=NOW)
    with pytest.raises(PermissionDenied):
        team.remove_member(by=team.in_person(admin), member_id=owner.pk, now=NOW)
    with pytest.raises(PermissionDenied):
        invitations.invite(by=team.in_person(admin), emails=["x@example.com"], role="owner", now=NOW)
    assert set(Membership.objects.filter(tenant_id=tenant_a.ref.id).values_list("role", flat=True)) == {
        "admin",
        "viewer",
        "owner",
    }


def test_the_last_owner_neither_leaves_nor_steps_down(tenant_a: Workspace) -> None:
    owner = owner_of(tenant_a)
    with pytest.raises(team.LastOwner):
        team.remove_member(by=team.in_person(owner), member_id=owner.pk, now=NOW)
    with pytest.raises(team.LastOwner):
        team.change_role(by=team.in_person(owner), member_id=owner.pk, role="admin", now=NOW)

    second = member(tenant_a, "owner")
    team.remove_member(by=team.in_person(owner), member_id=owner.pk, now=NOW)
    assert list(team.members(tenant_a.ref.id)) == [second]
    assert latest_audit(tenant_a).action == "member.leave"


def test_a_member_of_another_workspace_is_not_found(tenant_a: Workspace, tenant_b: Workspace) -> None:
    stranger, letter = owner_of(tenant_b), invited(tenant_b)
    by = owner_of(tenant_a)
    with pytest.raises(NotFound):
        team.change_role(by=team.in_person(by), member_id=stranger.pk, role="viewer", now=NOW)
    with pytest.raises(NotFound):
        team.remove_member(by=team.in_person(by), member_id=stranger.pk, now=NOW)
    with pytest.raises(NotFound):
        invitations.resend(by=team.in_person(by), invitation_id=letter.invitation.pk, now=NOW)
    with pytest.raises(NotFound):
        invitations.revoke(by=team.in_person(by), invitation_id=letter.invitation.pk, now=NOW)


def test_keys_of_whoever_leaves_are_named_and_stay(tenant_a: Workspace) -> None:
    someone = member(tenant_a, "admin")
    key, _ = create_key(
        tenant_id=tenant_a.ref.id, name="shop", scopes=["runs:read"], created_by=f"user:{someone.user_id}", now=NOW
    )
    assert list(team.keys_made_by(someone, NOW)) == [key]
    team.remove_member(by=the_owner(tenant_a), member_id=someone.pk, now=NOW)
    key.refresh_from_db()
    assert key.revoked_at is None


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_at_once_leave_one(tenant_a: Workspace) -> None:
    pair = [owner_of(tenant_a), member(tenant_a, "owner")]
    barrier, results = threading.Barrier(2), []

    def remove(by: Membership, other: Membership) -> None:
        barrier.wait()
        try:
            team.remove_member(by=team.in_person(by), member_id=other.pk, now=NOW)
            results.append("removed")
        except (team.LastOwner, NotFound) as refused:
            results.append(type(refused).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=remove, args=args) for args in ((pair[0], pair[1]), (pair[1], pair[0]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == ["LastOwner", "removed"]
    assert Membership.objects.filter(tenant_id=tenant_a.ref.id, role="owner").count() == 1


def test_an_invitation_makes_a_member_once(tenant_a: Workspace) -> None:
    sent = invited(tenant_a, "New@Example.com", "operator")
    user = person("new@example.com")

    found = invitations.read_link(sent.token, now=NOW)
    joined = invitations.accept(found, user, now=NOW)

    assert (joined.role, joined.is_tour_due) == ("operator", True)
    assert latest_audit(tenant_a).action == "member.join"
    with pytest.raises(InvitationOver):
        invitations.read_link(sent.token, now=NOW)
    with pytest.raises(InvitationOver):
        invitations.accept(found, user, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(i)::text FROM automate_tenants_invitation i")
        assert sent.token not in str(cursor.fetchall())


def test_a_link_opens_nothing_for_somebody_else_and_nothing_late(tenant_a: Workspace) -> None:
    sent = invited(tenant_a)
    with pytest.raises(OtherPerson):
        invitations.accept(sent.invitation, person("other@example.com"), now=NOW)
    late = NOW + invitations.LIFE
    with pytest.raises(InvitationOver):
        invitations.read_link(sent.token, now=late)
    with pytest.raises(InvitationOver):
        invitations.accept(sent.invitation, person("new@example.com"), now=late)
    assert not Membership.objects.filter(user__email="new@example.com").exists()


def test_a_second_letter_ends_the_first_link_and_letters_are_counted(tenant_a: Workspace) -> None:
    first = invited(tenant_a)
    second = invitations.resend(by=the_owner(tenant_a), invitation_id=first.invitation.pk, now=NOW)
    with pytest.raises(InvitationOver):
        invitations.read_link(first.token, now=NOW)
    third = invited(tenant_a, role="viewer")

    assert third.invitation.pk == second.invitation.pk
    assert invitations.read_link(third.token, now=NOW).role == "viewer"
    for _ in range(invitations.MAX_LETTERS - 3):
        invited(tenant_a)
    with pytest.raises(TooManyLetters):
        invited(tenant_a)
    tomorrow = NOW + timedelta(days=1, seconds=1)
    assert invitations.resend(by=the_owner(tenant_a), invitation_id=first.invitation.pk, now=tomorrow).token


def test_a_revoked_invitation_opens_nothing_and_the_address_can_be_invited_again(tenant_a: Workspace) -> None:
    sent = invited(tenant_a)
    invitations.revoke(by=the_owner(tenant_a), invitation_id=sent.invitation.pk, now=NOW)
    with pytest.raises(InvitationOver):
        invitations.read_link(sent.token, now=NOW)
    assert invited(tenant_a).invitation.pk != sent.invitation.pk


def test_bad_addresses_are_named_and_nobody_is_invited(tenant_a: Workspace) -> None:
    with pytest.raises(InvalidInvitation) as error:
        invitations.invite(by=the_owner(tenant_a), emails=["a@example.com", "nonsense"], role="viewer", now=NOW)
    assert error.value.details["wrong"] == ["nonsense"]
    many = [f"p{n}@example.com" for n in range(invitations.MAX_AT_ONCE + 1)]
    for emails, role in ((many, "viewer"), ([], "viewer"), (["a@example.com"], "king")):
        with pytest.raises(InvalidInvitation):
            invitations.invite(by=the_owner(tenant_a), emails=emails, role=role, now=NOW)
    assert not Invitation.objects.exists()


def test_members_are_left_out_and_each_address_is_invited_once(tenant_a: Workspace) -> None:
    emails = [tenant_a.owner.email.upper(), "a@example.com", "A@example.com", " b@example.com "]
    sent = invitations.invite(by=the_owner(tenant_a), emails=emails, role="viewer", now=NOW)
    assert [one.invitation.email for one in sent] == ["a@example.com", "b@example.com"]


def test_two_open_invitations_of_one_address_cannot_be_stored(tenant_a: Workspace) -> None:
    first = invited(tenant_a).invitation
    with pytest.raises(IntegrityError), transaction.atomic():
        Invitation.objects.create(
            tenant_id=first.tenant_id, email=first.email, role="viewer", token_hash=b"x" * 32, created_at=NOW,
            first_sent_at=NOW, expires_at=NOW,
        )  # fmt: skip


def test_who_is_a_member_already_keeps_their_role(tenant_a: Workspace) -> None:
    sent = invited(tenant_a, "late@example.com", "viewer")
    user: Any = person("late@example.com")
    Membership.objects.create(user=user, tenant_id=tenant_a.ref.id, role="admin", created_at=NOW)
    assert invitations.accept(sent.invitation, user, now=NOW).role == "admin"
