"""Stored secrets: sealed at rest, rotated under one reference, restored for a day, deleted when nobody uses them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from django.db import connection

from automate import secrets
from automate.models import AuditLogEntry
from automate.secrets import references
from automate.services import create_workflow
from automate.services import secrets as services
from automate_governance.errors import Conflict, NotFound
from automate_governance.models import StoredSecret, StoredSecretVersion
from automate_governance.secrets import SecretNotAllowed, SecretNotFoundError, SecretUnreadable
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.keys import create_key
from tests.support import tables
from tests.support.workspaces import Workspace

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)
LATER = NOW + timedelta(hours=23)
TOO_LATE = NOW + timedelta(hours=24)
VALUE = "sk_canary_5f0f7c6e9b1d"


@pytest.fixture
def workspace(db: None, tenant_a: Workspace) -> Iterator[Workspace]:
    with tenant_scope(tenant_a.ref):
        yield tenant_a


@pytest.fixture
def stored(workspace: Workspace) -> StoredSecret:
    return services.create_secret(name="STRIPE_KEY", value=VALUE, actor="user:1", now=NOW)


def rotate(value: str, now: datetime = NOW) -> StoredSecret:
    return services.rotate_secret(name="STRIPE_KEY", value=value, actor="user:2", now=now)


def everything() -> str:
    """Every column of every row of every table of the workspace, as text."""
    found = []
    with connection.cursor() as cursor:
        for table in tables.quoted(cursor, public=False):
            found += tables.rows_as_text(cursor, table)
    return "\n".join(found)


def test_a_reference_gives_the_value_and_no_row_holds_it(stored: StoredSecret) -> None:
    assert secrets.resolve("$secret:STRIPE_KEY") == VALUE
    text = everything()
    assert "STRIPE_KEY" in text
    assert not [form for form in (VALUE, VALUE.encode().hex(), VALUE[3:]) if form in text]


def test_a_rotation_keeps_the_reference(stored: StoredSecret) -> None:
    rotated = rotate("another value")

    assert secrets.resolve("$secret:STRIPE_KEY") == "another value"
    assert (rotated.version_num, rotated.rotated_at, rotated.rotated_by) == (2, NOW, "user:2")


def test_the_value_before_comes_back_within_a_day(stored: StoredSecret) -> None:
    rotate("another value")

    restored = services.restore_secret(name="STRIPE_KEY", actor="user:1", now=LATER)

    assert secrets.resolve("$secret:STRIPE_KEY") == VALUE
    assert restored.version_num == 3
    assert restored.versions.get(version_num=3).restored_from == 1


def test_after_a_day_it_is_refused_and_then_erased(stored: StoredSecret) -> None:
    rotate("another value")

    with pytest.raises(Conflict):
        services.restore_secret(name="STRIPE_KEY", actor="user:1", now=TOO_LATE)
    early = services.forget_replaced(now=LATER)
    erased = services.forget_replaced(now=TOO_LATE)

    assert (early, erased, services.forget_replaced(now=TOO_LATE)) == (0, 1, 0)
    assert StoredSecretVersion.objects.get(version_num=1).sealed is None
    assert secrets.resolve("$secret:STRIPE_KEY") == "another value"


def test_two_rotations_leave_one_value_to_restore(stored: StoredSecret) -> None:
    rotate("second value")
    rotate("third value")

    services.restore_secret(name="STRIPE_KEY", actor="user:1", now=NOW)

    assert secrets.resolve("$secret:STRIPE_KEY") == "second value"
    assert StoredSecretVersion.objects.get(version_num=1).sealed is None


def test_each_change_is_in_the_audit_log_without_a_value(stored: StoredSecret) -> None:
    rotate("another value")
    services.restore_secret(name="STRIPE_KEY", actor="user:1", now=LATER)
    services.bind_secret(name="STRIPE_KEY", hosts=["api.stripe.com"], actor="user:1", now=LATER)
    services.delete_secret(name="STRIPE_KEY", actor="user:1", now=LATER)

    entries = AuditLogEntry.objects.filter(resource="secret:STRIPE_KEY").order_by("id")

    assert [entry.action for entry in entries] == [
        "secret.create", "secret.rotate", "secret.restore", "secret.change", "secret.delete",
    ]  # fmt: skip
    told = str([entry.details for entry in entries])
    assert VALUE not in told
    assert "another value" not in told
    assert entries[3].details["after"] == {"hosts": ["api.stripe.com"], "note": ""}


def test_a_value_moved_to_another_name_version_or_workspace_opens_nothing(
    stored: StoredSecret, tenant_b: Workspace
) -> None:
    sealed = bytes(stored.versions.get().sealed or b"")
    other = services.create_secret(name="OTHER", value="x", actor="user:1", now=NOW)
    other.versions.update(sealed=sealed)
    with tenant_scope(tenant_b.ref):
        copy = services.create_secret(name="STRIPE_KEY", value="y", actor="user:1", now=NOW)
        copy.versions.update(sealed=sealed)

        with pytest.raises(SecretUnreadable):
            secrets.resolve("$secret:STRIPE_KEY")
    with pytest.raises(SecretUnreadable):
        secrets.resolve("$secret:OTHER")
    stored.versions.update(version_num=2)
    StoredSecret.objects.filter(pk=stored.pk).update(version_num=2)
    with pytest.raises(SecretUnreadable):
        secrets.resolve("$secret:STRIPE_KEY")


def test_a_neighbour_has_no_such_secret(stored: StoredSecret, tenant_b: Workspace) -> None:
    with tenant_scope(tenant_b.ref), pytest.raises(SecretNotFoundError):
        secrets.resolve("$secret:STRIPE_KEY")


def test_its_use_is_noted_to_the_minute(stored: StoredSecret, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        secrets.resolve("$secret:STRIPE_KEY")
    with django_assert_num_queries(1):
        secrets.resolve("$secret:STRIPE_KEY")

    assert StoredSecret.objects.get().latest_used_at is not None


@pytest.mark.parametrize(
    "refused",
    [
        {"name": ""},
        {"name": "with space"},
        {"name": "1ST"},
        {"name": "A" * 101},
        {"value": ""},
        {"value": "x" * 65_537},
        {"value": "nul\x00"},
        {"value": "\ud800"},
        {"hosts": ["not a host"]},
        {"hosts": ["https://api.stripe.com/"]},
        {"hosts": ["api.stripe.com"], "value": "short"},
    ],
    ids=str,
)
def test_what_cannot_be_stored(workspace: Workspace, refused: dict[str, Any]) -> None:
    with pytest.raises(services.InvalidSecret) as error:
        services.create_secret(**{"name": "OK", "value": VALUE, "actor": "user:1", "now": NOW, **refused})

    assert error.value.details["param"] in refused
    assert StoredSecret.objects.count() == 0


def test_a_name_is_given_once_and_the_same_value_is_no_rotation(stored: StoredSecret) -> None:
    with pytest.raises(Conflict):
        services.create_secret(name="STRIPE_KEY", value="x", actor="user:1", now=NOW)
    with pytest.raises(services.InvalidSecret):
        rotate(VALUE)
    with pytest.raises(NotFound):
        services.rotate_secret(name="NOT_THERE", value="x", actor="user:1", now=NOW)


def flow(message: Any, slug: str = "flow") -> dict[str, Any]:
    return {
        "slug": slug, "name": slug, "trigger": {"type": "event", "event_type": "e"}, "rule": None,
        "steps": [{"id": "a", "connector": "core", "action": "log", "params": {"message": message}}],
    }  # fmt: skip


def test_what_a_workflow_refers_to_cannot_be_deleted(stored: StoredSecret) -> None:
    create_workflow(definition=flow({"deep": [{"$secret": "STRIPE_KEY"}]}), actor="system", now=NOW)

    with pytest.raises(services.SecretInUse) as refused:
        services.delete_secret(name="STRIPE_KEY", actor="user:1", now=NOW)

    assert refused.value.details["workflows"] == ["flow"]
    assert secrets.resolve("$secret:STRIPE_KEY") == VALUE


def test_every_reference_is_found_wherever_it_stands() -> None:
    document = {
        "steps": [{"params": {"a": {"$secret": "A"}, "b": [["$secret:B"]], "$secret:C": 1}}],
        "finally": [{"params": {"x": {"$secret": "D", "beside": {"$secret": "E"}}}}],
        "not": ["secret:F", "x $secret:G", {"$secret": 1}],
    }

    assert references.names_in(document) == {"A", "B", "C", "D", "E"}


def test_who_may_not_use_secrets_saves_no_reference(workspace: Workspace, make_member: Any) -> None:
    builder, operator = make_member("builder"), make_member("operator")
    reference = flow({"key": [{"$secret": "STRIPE_KEY"}]})

    create_workflow(definition=reference, actor=f"user:{builder.pk}", now=NOW)
    create_workflow(definition=flow("no secret", "other"), actor=f"user:{operator.pk}", now=NOW)
    with public_scope():
        make = partial(create_key, tenant_id=workspace.ref.id, name="k", created_by="user:1", now=NOW)
        may_not, may = make(scopes=["workflows:write"])[0], make(scopes=["workflows:write", "secrets:use"])[0]
    create_workflow(definition={**reference, "slug": "by-key"}, actor=f"key:{may.prefix}", now=NOW)
    for actor in (f"user:{operator.pk}", "user:999999", "user:x", f"key:{may_not.prefix}", "key:none", "nobody"):
        with pytest.raises(SecretNotAllowed):
            create_workflow(definition={**reference, "slug": "third"}, actor=actor, now=NOW)


@pytest.fixture
def make_member(workspace: Workspace) -> Any:
    from django.contrib.auth import get_user_model

    from automate_tenants.models import Membership

    def make(role: str) -> Any:
        user = get_user_model().objects.create_user(username=role, email=f"{role}@s.example")
        Membership.objects.create(user=user, tenant_id=workspace.ref.id, role=role, created_at=NOW)
        return user

    return make
