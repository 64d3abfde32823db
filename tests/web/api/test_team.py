"""The team over the API: the portal's rules, in the name of the key's maker, and never above them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.utils import timezone

from automate.models import AuditLogEntry
from automate_billing.models import Subscription
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.keys import ALL_SCOPES, create_key, roll_key
from automate_tenants.models import ApiKey, Invitation, Membership
from automate_web import mailbox
from tests.support.workspaces import Workspace
from tests.web.api.support import Api
from tests.web.client.conftest import Automate, automate
from tests.web.portal.conftest import own_mailbox

__all__ = ["automate", "own_mailbox"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_mailbox")]
TEAM = ("team:read", "team:write")


def member(workspace: Workspace, role: str, name: str = "") -> Membership:
    email = f"{name or role}@example.com"
    user = get_user_model().objects.create_user(username=email, email=email)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return Membership.objects.create(user=user, tenant_id=workspace.ref.id, role=role, created_at=timezone.now())


def plain_key(workspace: Workspace, maker: str, scopes: Collection[str] = TEAM) -> str:
    return create_key(
        tenant_id=workspace.ref.id, name="k", scopes=scopes, created_by=maker, now=timezone.now(), by_owner=True
    )[1]


def key_of(member: Membership, workspace: Workspace, scopes: Collection[str] = TEAM) -> Api:
    return Api(plain_key(workspace, f"user:{member.user_id}", scopes))


@pytest.fixture
def owner(tenant_a: Workspace) -> Membership:
    EmailAddress.objects.create(user=tenant_a.owner, email=tenant_a.owner.email, verified=True, primary=True)
    return Membership.objects.get(tenant_id=tenant_a.ref.id, user=tenant_a.owner)


@pytest.fixture
def api(owner: Membership, tenant_a: Workspace) -> Api:
    """A key that an Owner made."""
    return key_of(owner, tenant_a)


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_members_are_listed_changed_and_removed_as_in_the_portal(
    api: Api, owner: Membership, tenant_a: Workspace
) -> None:
    someone = member(tenant_a, "viewer")

    listed = api.get("/team/members").json()["results"]
    changed = api.send("PATCH", f"/team/members/{someone.pk}", {"role": "builder"})
    removed = api.send("DELETE", f"/team/members/{someone.pk}")

    assert {one["email"]: one["role"] for one in listed} == {owner.user.email: "owner", "viewer@example.com": "viewer"}
    assert (changed.json()["role"], removed.json()["deleted"]) == ("builder", True)
    assert api.get(f"/team/members/{someone.pk}").status_code == 404
    with tenant_scope(tenant_a.ref):
        left = AuditLogEntry.objects.filter(action__startswith="member.").order_by("id").values_list("action", "actor")
        assert [action for action, _ in left] == ["member.change_role", "member.remove"]
        assert {actor.partition(":")[0] for _, actor in left} == {"key"}


def test_many_are_invited_at_once_sent_again_and_revoked(
    api: Api, tenant_a: Workspace, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        made = api.post("/team/invitations", {"emails": ["Ada@example.com", "bob@example.com"], "role": "operator"})
    ada, bob = made.json()["results"]
    with django_capture_on_commit_callbacks(execute=True):
        again = api.post(f"/team/invitations/{ada['id']}/letters")
    ended = api.post(f"/team/invitations/{bob['id']}/revocations")

    assert made.status_code == 201
    assert [one["email"] for one in api.get("/team/invitations").json()["results"]] == ["ada@example.com"]
    assert (again.status_code, ended.json()["revoked_at"] is not None) == (201, True)
    letters = [(letter.to, letter.body) for letter in mailbox.letters()]
    assert sorted(to for to, _ in letters) == ["ada@example.com", "ada@example.com", "bob@example.com"]
    assert all(
        f"Join: {settings.BASE_URL}/invitations/" in body and tenant_a.owner.email in body for _, body in letters
    )
    assert api.get(f"/team/invitations/{bob['id']}").status_code == 404


def test_a_letter_that_is_not_taken_leaves_an_invitation_that_says_so(
    api: Api, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.EMAIL_BACKEND = "tests.web.portal.test_team.AwayBackend"
    with django_capture_on_commit_callbacks(execute=True):
        api.post("/team/invitations", {"emails": ["ada@example.com"], "role": "viewer"})
    [lost] = api.get("/team/invitations").json()["results"]
    settings.EMAIL_BACKEND = "automate_web.mailbox.MailboxBackend"
    with django_capture_on_commit_callbacks(execute=True):
        api.post(f"/team/invitations/{lost['id']}/letters")

    assert lost["letter_failed_at"] is not None
    assert api.get(f"/team/invitations/{lost['id']}").json()["letter_failed_at"] is None
    assert len(mailbox.letters()) == 1


def test_the_same_request_again_mails_nobody_twice(api: Api, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        first, again = (
            api.post("/team/invitations", {"emails": ["ada@example.com"], "role": "viewer"}, {"Idempotency-Key": "one"})
            for _ in range(2)
        )

    assert (again["Idempotent-Replayed"], again.content) == ("true", first.content)
    assert len(mailbox.letters()) == 1


def test_no_key_makes_changes_or_removes_an_owner(api: Api, owner: Membership, tenant_a: Workspace) -> None:
    someone, second = member(tenant_a, "admin"), member(tenant_a, "owner", "second")

    made = api.send("PATCH", f"/team/members/{someone.pk}", {"role": "owner"})
    invited = api.post("/team/invitations", {"emails": ["x@example.com"], "role": "owner"})
    lowered = api.send("PATCH", f"/team/members/{second.pk}", {"role": "viewer"})
    removed = api.send("DELETE", f"/team/members/{second.pk}")
    own = api.send("DELETE", f"/team/members/{owner.pk}")

    assert {answer.status_code for answer in (made, invited)} == {422}
    assert {refused(answer) for answer in (lowered, removed, own)} == {(403, "permission_denied")}
    assert set(Membership.objects.filter(role="owner", tenant_id=tenant_a.ref.id)) == {owner, second}
    assert not Invitation.objects.filter(tenant_id=tenant_a.ref.id).exists()


def test_a_key_has_no_more_power_than_its_maker_has_now(owner: Membership, tenant_a: Workspace) -> None:
    maker, someone = member(tenant_a, "admin"), member(tenant_a, "viewer")
    api, path = key_of(maker, tenant_a), f"/team/members/{someone.pk}"
    assert api.send("PATCH", path, {"role": "operator"}).status_code == 200

    outcomes = {}
    for role in ("builder", "operator", "viewer", "billing"):
        Membership.objects.filter(pk=maker.pk).update(role=role)
        for asked in (
            api.send("PATCH", path, {"role": "admin"}),
            api.send("PATCH", f"/team/members/{maker.pk}", {"role": "admin"}),
            api.send("DELETE", path),
            api.post("/team/invitations", {"emails": ["x@example.com"], "role": "viewer"}),
        ):
            outcomes.setdefault(refused(asked), set()).add(role)
    Membership.objects.filter(pk=maker.pk).delete()

    assert refused(api.send("DELETE", path)) == (403, "permission_denied")
    assert outcomes == {(403, "permission_denied"): {"builder", "operator", "viewer", "billing"}}
    assert Membership.objects.get(pk=someone.pk).role == "operator"
    assert api.get("/team/members").status_code == 200  # reading takes the scope alone


def test_a_key_of_no_person_manages_nobody(owner: Membership, tenant_a: Workspace) -> None:
    """Made by a key, rolled by a key, made by the installation's operator; also where its maker's id is no number."""
    someone = member(tenant_a, "viewer")
    first = key_of(owner, tenant_a, ALL_SCOPES)
    made = Api(first.post("/keys", {"name": "second", "scopes": list(TEAM)}).json()["api_key"])
    own = ApiKey.objects.get(tenant_id=tenant_a.ref.id, created_by=f"user:{owner.user_id}", name="k")
    rolled = Api(
        roll_key(
            tenant_id=tenant_a.ref.id, key_id=own.pk, overlap=timedelta(0), actor=f"key:{own.prefix}",
            now=timezone.now(), by_owner=True,
        )[1]
    )  # fmt: skip
    others = [Api(plain_key(tenant_a, maker)) for maker in ("operator:command line", "system", "user:", "user:x")]

    for api in (made, rolled, *others):
        assert refused(api.send("PATCH", f"/team/members/{someone.pk}", {"role": "admin"})) == (
            403,
            "permission_denied",
        )
        assert refused(api.send("DELETE", f"/team/members/{someone.pk}")) == (403, "permission_denied")


def test_a_maker_who_is_an_admin_elsewhere_is_nobody_here(
    tenant_a: Workspace, tenant_b: Workspace, owner: Membership
) -> None:
    stranger = Membership.objects.get(tenant_id=tenant_b.ref.id, role="owner")
    someone = member(tenant_a, "viewer")

    api = Api(plain_key(tenant_a, f"user:{stranger.user_id}"))

    assert refused(api.send("DELETE", f"/team/members/{someone.pk}")) == (403, "permission_denied")
    with public_scope():
        foreign = key_of(stranger, tenant_b)
    assert foreign.send("DELETE", f"/team/members/{someone.pk}").status_code == 404


def test_reading_is_no_writing_and_a_scope_is_given_by_who_has_it(owner: Membership, tenant_a: Workspace) -> None:
    reader = key_of(owner, tenant_a, ("team:read", "keys:write"))

    assert refused(reader.send("DELETE", f"/team/members/{owner.pk}")) == (403, "forbidden_scope")
    assert refused(reader.post("/keys", {"name": "x", "scopes": ["team:write"]})) == (403, "forbidden_scope")


def test_seats_and_the_makers_own_address_are_asked_for(api: Api, owner: Membership, tenant_a: Workspace) -> None:
    wanted = {"emails": [f"p{number}@example.com" for number in range(9)], "role": "viewer"}
    Subscription.objects.filter(tenant_id=tenant_a.ref.id).update(plan="free")
    full = api.post("/team/invitations", wanted)
    EmailAddress.objects.all().delete()
    unconfirmed = api.post("/team/invitations", wanted)

    assert (refused(full), refused(unconfirmed)) == ((409, "seats_taken"), (403, "email_unconfirmed"))
    assert not Invitation.objects.filter(tenant_id=tenant_a.ref.id).exists()


def test_the_command_line_manages_the_team(
    automate: Automate, owner: Membership, tenant_a: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_AUTOMATE_KEY", plain_key(tenant_a, f"user:{owner.user_id}"))
    someone = member(tenant_a, "viewer")

    assert "viewer@example.com" in automate("team", "list").out
    changed = automate("team", "role", "viewer@example.com", "admin", "--yes")
    invited = automate("team", "invite", "ada@example.com", "bob@example.com", "--role", "viewer", "--yes")
    assert (changed.out, invited.code) == ("viewer@example.com: admin\n", 0)
    assert "bob@example.com" in automate("team", "invitations").out
    assert automate("team", "remove", str(someone.pk), "--no-input").code == 2
    assert automate("team", "remove", str(someone.pk), "--yes").code == 0
    assert automate("team", "remove", "viewer@example.com", "--yes").code == 4
