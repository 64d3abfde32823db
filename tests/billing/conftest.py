"""What the tests of billing share: a published workflow, and what is counted of a workspace."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from automate.services import create_workflow, publish_version
from automate.worker.loop import Worker, WorkerOptions
from automate_billing.fold import fold
from automate_billing.models import UsageDay
from automate_tenants.context import TenantRef, public_scope, tenant_scope
from automate_tenants.dispatch.store import DispatchStore

EVENT_TYPE = "order.created"


def publish(tenant: TenantRef, steps: list[dict[str, Any]], *, slug: str = "counted") -> str:
    """A live workflow for `order.created`; its id as text, which usage is counted under."""
    now = datetime.now(UTC)
    definition = {
        "slug": slug,
        "name": slug,
        "trigger": {"type": "event", "event_type": EVENT_TYPE},
        "rule": None,
        "steps": steps,
    }
    with tenant_scope(tenant):
        workflow = create_workflow(definition=definition, actor="test", now=now)
        publish_version(workflow_id=workflow.id, expected_revision=1, actor="test", now=now)
    return str(workflow.id)


def shape(step_id: str, **more: Any) -> dict[str, Any]:
    """A step that surely works."""
    return {"id": step_id, "connector": "core", "action": "transform", "params": {"value": 1}, **more}


def work() -> None:
    """Work until nothing is due."""
    worker = Worker(DispatchStore(), WorkerOptions(batch_size=100))
    try:
        asyncio.run(worker.run_until_idle())
    finally:
        worker.close()


def used(tenant: TenantRef) -> Counter[str]:
    """Units by meter but for storage, after folding all there is."""
    while fold():
        pass
    found: Counter[str] = Counter()
    with public_scope():
        rows = UsageDay.objects.filter(tenant_id=tenant.id).exclude(meter="storage").values_list("meter", "amount")
        for meter, amount in rows:
            found[meter] += amount
    return found


@pytest.fixture
def use(transactional_db: None) -> Callable[[TenantRef, str, datetime, int], None]:
    """`use(tenant, "events", at, 5)`: usage without the work."""
    from automate_billing.fold import add

    def put(tenant: TenantRef, meter: str, at: datetime, amount: int, subject: str = "") -> None:
        with public_scope():
            add({(tenant.id, at.date(), meter, subject): amount})

    return put
