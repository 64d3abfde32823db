"""Everything that grows has a declared end, and housekeeping carries out those of the public tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from automate.retention.ends import declared
from automate_tenants.housekeeping import keep_installation
from automate_tenants.models import AccountEvent, ApiKey, EmailCode, FailedSignup, Invitation, OperatorVisit
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db
LONG = timedelta(days=500)


def test_every_table_says_when_its_rows_end(tenant_a: Workspace) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tablename FROM pg_tables WHERE schemaname IN ('public', %s)", [tenant_a.ref.schema_name]
        )
        tables = {name for (name,) in cursor.fetchall()}

    assert {end.how for end in declared().values()} == {"kept", "purged", "bounded"}
    assert all(end.why for end in declared().values())
    assert declared().keys() == tables


def test_what_belongs_to_no_workspace_goes_when_its_time_is_over(tenant_a: Workspace) -> None:
    now, owner, tenant_id = timezone.now(), tenant_a.owner, tenant_a.ref.id
    letters: dict[str, Any] = {"role": "viewer", "created_at": now, "first_sent_at": now, "tenant_id": tenant_id}
    for age in (timedelta(0), LONG):
        then = now - age
        AccountEvent.objects.create(user=owner, action="password", at=then)
        FailedSignup.objects.create(email="a@example.com", name="A", slug="a", error="x", at=then)
        OperatorVisit.objects.create(tenant_id=tenant_id, operator=owner, reason="x", created_at=then, expires_at=then)
        Session.objects.create(session_key=f"key-{age.days}", session_data="", expire_date=then + timedelta(minutes=1))
        UserSession.objects.create(user=owner, ip="127.0.0.1", session_key=f"key-{age.days}", user_agent="", data={})
        Invitation.objects.create(
            **letters, email=f"{age.days}@example.com", expires_at=then, token_hash=bytes([bool(age)]) * 32
        )
        ApiKey.objects.create(
            tenant_id=tenant_id, name="old", hash=bytes([bool(age)]) * 32, prefix="am_live_x", last4="abcd",
            created_by="system", created_at=then, revoked_at=then,
        )  # fmt: skip
    EmailCode.objects.create(user=owner, digest=b"", expires_at=now - LONG, first_sent_at=now - LONG)
    UserSession.objects.update(created_at=now - timedelta(hours=2))

    gone = keep_installation(now=now)

    once = ("accountevent", "apikey", "emailcode", "failedsignup", "invitation", "operatorvisit", "session")
    assert dict(gone) == dict.fromkeys((*once, "usersession"), 1)
    assert [one.session_key for one in UserSession.objects.all()] == ["key-0"]
    assert not keep_installation(now=now)
