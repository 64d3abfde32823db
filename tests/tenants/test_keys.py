"""API keys: their form, and how they are made, rolled, revoked and used."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from automate.models import AuditLogEntry
from automate_governance.errors import Conflict, NotFound
from automate_tenants.context import tenant_scope
from automate_tenants.key_format import is_well_formed, key_hash, make_key
from automate_tenants.keys import SCOPES, InvalidKey, create_key, live_keys, revoke_key, roll_key, verify_key
from automate_tenants.models import ApiKey
from tests.support.workspaces import Workspace

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@given(st.text())
def test_hardly_any_text_is_a_key(text: str) -> None:
    assert not is_well_formed(text)


@given(st.integers(min_value=8, max_value=45), st.sampled_from("abcXYZ019"))
def test_a_mistyped_character_is_noticed(position: int, character: str) -> None:
    key = make_key()
    typed = key[:position] + character + key[position + 1 :]
    assert is_well_formed(typed) == (typed == key)


def test_keys_are_long_and_never_the_same() -> None:
    keys = {make_key() for _ in range(500)}
    assert len(keys) == 500
    assert all(key.startswith("am_live_") and len(key) == 46 for key in keys)


@pytest.fixture
def made(tenant_a: Workspace, db: None) -> tuple[ApiKey, str]:
    return create_key(
        tenant_id=tenant_a.ref.id, name="CI", scopes=["runs:read", "events:write"], created_by="user:1", now=NOW
    )


def actions(workspace: Workspace) -> list[str]:
    with tenant_scope(workspace.ref):
        return list(AuditLogEntry.objects.order_by("id").values_list("action", flat=True))


@pytest.mark.django_db
def test_a_key_works_and_is_stored_as_its_hash_alone(made: tuple[ApiKey, str], tenant_a: Workspace) -> None:
    key, plain = made
    assert verify_key(plain, now=NOW) == key
    assert (key.prefix, key.last4, key.scopes) == (plain[:12], plain[-4:], ["events:write", "runs:read"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(k)::text FROM automate_tenants_apikey k WHERE id = %s", [key.pk])
        [row] = cursor.fetchone()
    assert plain not in row
    assert plain[12:-4] not in row
    assert key_hash(plain).hex() in row
    assert actions(tenant_a)[-1] == "api_key.create"


@pytest.mark.django_db
def test_the_audit_entry_holds_no_key(made: tuple[ApiKey, str], tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        entry = AuditLogEntry.objects.order_by("id").last()
    assert entry is not None
    assert (entry.actor, entry.resource) == ("user:1", f"api_key:{made[0].pk}")
    assert made[1] not in str(entry.details)


@pytest.mark.django_db
def test_use_is_noted_to_the_minute(made: tuple[ApiKey, str], statements: list[str]) -> None:
    key, plain = made
    for seconds in (0, 10, 59, 60, 61):
        verify_key(plain, now=NOW + timedelta(seconds=seconds))
    key.refresh_from_db()
    assert key.latest_used_at == NOW + timedelta(seconds=60)
    assert sum(sql.startswith('UPDATE "automate_tenants_apikey"') for sql in statements) == 2


@pytest.mark.django_db
def test_a_rolled_key_works_on_for_the_overlap(made: tuple[ApiKey, str], tenant_a: Workspace) -> None:
    key, plain = made
    fresh, fresh_plain = roll_key(tenant_id=tenant_a.ref.id, key_id=key.pk, overlap=HOUR, actor="user:1", now=NOW)
    assert (fresh.name, fresh.scopes) == (key.name, key.scopes)
    before_the_end, end = NOW + HOUR - timedelta(seconds=1), NOW + HOUR
    assert verify_key(plain, now=before_the_end)
    assert not verify_key(plain, now=end)
    assert verify_key(fresh_plain, now=end)
    assert actions(tenant_a)[-1] == "api_key.roll"


@pytest.mark.django_db
def test_rolling_without_overlap_ends_the_old_key_at_once(made: tuple[ApiKey, str], tenant_a: Workspace) -> None:
    key, plain = made
    roll_key(tenant_id=tenant_a.ref.id, key_id=key.pk, overlap=timedelta(0), actor="user:1", now=NOW)
    assert not verify_key(plain, now=NOW)


@pytest.mark.django_db
def test_rolling_never_lengthens_a_keys_life(made: tuple[ApiKey, str], tenant_a: Workspace) -> None:
    key, _ = made
    roll_key(tenant_id=tenant_a.ref.id, key_id=key.pk, overlap=HOUR, actor="user:1", now=NOW)
    roll_key(tenant_id=tenant_a.ref.id, key_id=key.pk, overlap=timedelta(days=7), actor="user:1", now=NOW)
    key.refresh_from_db()
    assert key.expires_at == NOW + HOUR


@pytest.mark.django_db
def test_a_revoked_key_is_refused_by_the_next_look(made: tuple[ApiKey, str], tenant_a: Workspace) -> None:
    key, plain = made
    revoke_key(tenant_id=tenant_a.ref.id, key_id=key.pk, actor="user:1", now=NOW)
    revoke_key(tenant_id=tenant_a.ref.id, key_id=key.pk, actor="user:1", now=NOW + HOUR)
    key.refresh_from_db()
    assert key.revoked_at == NOW
    assert not verify_key(plain, now=NOW)
    assert actions(tenant_a).count("api_key.revoke") == 1
    with pytest.raises(Conflict):
        roll_key(tenant_id=tenant_a.ref.id, key_id=key.pk, overlap=HOUR, actor="user:1", now=NOW)


@pytest.mark.django_db
def test_another_workspaces_key_is_not_found(made: tuple[ApiKey, str], tenant_b: Workspace) -> None:
    key, plain = made
    with pytest.raises(NotFound):
        revoke_key(tenant_id=tenant_b.ref.id, key_id=key.pk, actor="user:2", now=NOW)
    with pytest.raises(NotFound):
        roll_key(tenant_id=tenant_b.ref.id, key_id=key.pk, overlap=HOUR, actor="user:2", now=NOW)
    assert verify_key(plain, now=NOW)


@pytest.mark.parametrize(
    ("name", "scopes"),
    [("", SCOPES), ("  ", SCOPES), ("x" * 81, SCOPES), ("ok", []), ("ok", ["root"]), ("ok", ["runs:read", "x"])],
)
@pytest.mark.django_db
def test_a_key_that_makes_no_sense_is_refused(tenant_a: Workspace, name: str, scopes: list[str]) -> None:
    before = ApiKey.objects.count()
    with pytest.raises(InvalidKey):
        create_key(tenant_id=tenant_a.ref.id, name=name, scopes=scopes, created_by="user:1", now=NOW)
    assert ApiKey.objects.count() == before


@pytest.mark.django_db
def test_live_keys_leave_out_the_ended(made: tuple[ApiKey, str], tenant_a: Workspace) -> None:
    before = live_keys(tenant_a.ref.id, NOW).count()
    revoke_key(tenant_id=tenant_a.ref.id, key_id=made[0].pk, actor="user:1", now=NOW)
    assert live_keys(tenant_a.ref.id, NOW).count() == before - 1


@pytest.mark.django_db(transaction=True)
def test_two_rolls_at_once_leave_a_trail_and_both_successors(
    tenant_a: Workspace, at_once: Callable[..., list[Any]]
) -> None:
    key, plain = create_key(tenant_id=tenant_a.ref.id, name="CI", scopes=["runs:read"], created_by="user:1", now=NOW)

    def roll() -> str:
        return roll_key(tenant_id=tenant_a.ref.id, key_id=key.pk, overlap=HOUR, actor="user:1", now=NOW)[1]

    successors = at_once(roll, roll)
    assert all(verify_key(text, now=NOW) for text in [plain, *successors])
    assert actions(tenant_a).count("api_key.roll") == 2
