"""A worker that is stopped, or cut off, in the middle of a write holds nobody up for long."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import DatabaseError

from automate.outbox.postgres import batch
from automate.runtime import emit_event
from automate_tenants.context import tenant_scope
from automate_tenants.dispatch import store
from tests.support.waiting import Eventually


def test_what_it_had_locked_can_be_taken_back(
    transactional_db: None,
    tenant_a: Any,
    owner_connection: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    eventually: Eventually,
) -> None:
    monkeypatch.setattr(store, "STUCK_SECONDS", 1)
    with tenant_scope(tenant_a.ref):
        emit_event("order.created", {})
    dispatch = store.DispatchStore()
    claim = dispatch.claim_batch(limit=1, worker="stopped", lease_seconds=30)
    assert claim is not None
    question = "SELECT lease_id FROM public.automate_tenants_dispatchlease FOR UPDATE SKIP LOCKED"

    with pytest.raises(DatabaseError), batch() as cursor:
        dispatch._enter(cursor, claim)
        dispatch._hold(cursor, claim)
        eventually(lambda: owner_connection.execute(question).fetchall() == [])
        eventually(lambda: owner_connection.execute(question).fetchall() == [(claim.lease_id,)])
