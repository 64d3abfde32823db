"""Workspaces share the workers by their plans' weights, and what one leaves another may take."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from automate.ingest.ingestor import EventIngestor
from automate_tenants import queue as queue_module
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.dispatch.store import DispatchStore
from automate_tenants.models import DispatchTenant
from automate_tenants.queue import queue

BATCH = 2


@pytest.fixture
def store(transactional_db: None) -> DispatchStore:
    return DispatchStore()


def flood(workspace: Any, weight: float, count: int) -> None:
    """So many events wait in it. Its places in the fleet are no limit here."""
    with public_scope():
        DispatchTenant.objects.filter(pk=workspace.ref.id).update(weight=weight, max_inflight=1_000)
    with tenant_scope(workspace.ref):
        for n in range(count):
            EventIngestor().ingest(type="order.created", payload={"n": n}, source="test")


def take(store: DispatchStore, batches: int) -> Counter[int]:
    """Claims by workspace, each of BATCH jobs that took a second apiece."""
    taken: Counter[int] = Counter()
    for _ in range(batches):
        claim = store.claim_batch(limit=BATCH, worker="w", lease_seconds=30)
        if claim is None:
            break
        taken[claim.scope.tenant_id] += 1
        with connection.cursor() as cursor:
            cursor.execute("SELECT public.automate_settle_v1(%s, '{}', %s)", [claim.lease_id, float(BATCH)])
    return taken


def test_a_plan_with_three_times_the_weight_has_three_times_the_turns(store, tenant_a, tenant_b):
    flood(tenant_a, 1, 40)
    flood(tenant_b, 3, 40)

    taken = take(store, 20)

    assert taken[tenant_b.ref.id] - 3 * taken[tenant_a.ref.id] in range(-4, 5)  # one turn more or less
    assert sum(taken.values()) == 20


def test_what_one_leaves_the_other_takes(store, tenant_a, tenant_b):
    flood(tenant_a, 1, 30)
    flood(tenant_b, 100, 2)

    assert take(store, 100) == {tenant_a.ref.id: 15, tenant_b.ref.id: 1}


def test_a_workspace_sees_what_waits_and_what_workers_hold(store, tenant_a):
    flood(tenant_a, 2, 5)
    claim = store.claim_batch(limit=2, worker="w", lease_seconds=30)

    with tenant_scope(tenant_a.ref):
        standing = queue(timezone.now())
    assert claim is not None
    assert (standing.waiting, standing.in_flight, standing.max_in_flight, standing.weight) == (3, 2, 1_000, 2.0)
    assert 0 < standing.oldest_seconds < 60


def test_where_nothing_waits_nothing_is_old(store, tenant_a):
    with tenant_scope(tenant_a.ref):
        assert (queue(timezone.now()).waiting, queue(timezone.now()).oldest_seconds) == (0, 0.0)


def test_what_is_not_counted_to_its_end_says_so(store, tenant_a, monkeypatch):
    monkeypatch.setattr(queue_module, "MOST_WAITING", 3)
    flood(tenant_a, 1, 5)

    with tenant_scope(tenant_a.ref):
        standing = queue(timezone.now())
    assert (standing.waiting, standing.is_longer) == (3, True)
