"""One workspace for these tests: the services never mention tenants, and work in whatever scope they are called."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.support.workspaces import Workspace

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)


@pytest.fixture
def workspace(db: None, tenant_a: Workspace) -> Iterator[None]:
    from automate_tenants.context import tenant_scope

    with tenant_scope(tenant_a.ref):
        yield


@pytest.fixture
def definition() -> dict[str, Any]:
    return {
        "slug": "order-flow",
        "name": "Order flow",
        "trigger": {"type": "event", "event_type": "order.created"},
        "rule": {">": [{"var": "payload.amount"}, 100]},
        "steps": [
            {"id": "tell", "connector": "core", "action": "log", "params": {"message": "{{ payload.amount }} paid"}},
            {"id": "shape", "connector": "core", "action": "transform", "params": {"value": {"b": 1, "a": 2.0}}},
        ],
    }
