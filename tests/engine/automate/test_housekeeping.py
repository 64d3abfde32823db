"""Housekeeping of a workspace does each of its duties; what each does is tested where it lives."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from automate.ids import new_id
from automate.models import QueuePlace, RunCount
from automate.services import secrets
from automate_governance.models import StoredSecretVersion
from automate_llm.models import Budget, LedgerEntry, LedgerMonth
from automate_tenants import housekeeping
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.models import Tenant
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)


def call(at: datetime, **more: Any) -> LedgerEntry:
    return LedgerEntry.objects.create(
        at=at, day=at.date().isoformat(), time_zone="UTC", action="chat", provider="openai", model="m",
        reserved_micros=5, expires_at=at + timedelta(minutes=2), **more,
    )  # fmt: skip


def test_each_duty_is_done(tenant_a: Workspace) -> None:
    yesterday, long_ago = NOW - timedelta(hours=25), NOW - timedelta(days=430)
    with tenant_scope(tenant_a.ref):
        secrets.create_secret(name="KEY", value="first-of-two", actor="user:1", now=yesterday)
        secrets.rotate_secret(name="KEY", value="second-of-two", actor="user:1", now=yesterday)
        lost = call(yesterday, status="reserved")
        call(long_ago, status="settled", cost_micros=7)
        Budget.objects.create(scope="run", subject=str(uuid4()), period="run", updated_at=long_ago)
        QueuePlace.objects.create(
            run_id=new_id(), kind="slot", key="k", workflow_id=new_id(), place=1, asked_at=long_ago
        )
        RunCount.objects.create(period="2025-01-01", used=3)

    with public_scope():
        housekeeping.keep(Tenant.objects.get(pk=tenant_a.ref.id), now=NOW)

    with tenant_scope(tenant_a.ref):
        values = StoredSecretVersion.objects.order_by("version_num").values_list("sealed", flat=True)
        assert [sealed is not None for sealed in values] == [False, True]
        assert LedgerEntry.objects.get().pk == lost.pk
        assert LedgerEntry.objects.get().status == "unreconciled"
        assert LedgerMonth.objects.get().cost_micros == 7
        assert not Budget.objects.filter(scope="run").exists()
        assert not QueuePlace.objects.exists()
        assert not RunCount.objects.exists()
