"""Two worker processes and one schedule: each due time becomes one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automate.models import ExecutionRun, ScheduleTick
from automate_tenants.context import tenant_scope
from tests.engine.automate.triggers.conftest import Bench
from tests.engine.automate.worker.test_worker import WorkerProcess, start_worker

__all__ = ["start_worker"]  # the fixture
pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def test_two_workers_fire_each_due_time_once(
    bench: Bench, start_worker: Callable[..., WorkerProcess], eventually: Any
) -> None:
    workflow = bench.publish({"type": "schedule", "cron": "0 * * * *", "catch_up": "all"})  # months ago: 100 are due
    first, second = start_worker(), start_worker()
    bench.make_due()

    def all_ran() -> bool:
        with tenant_scope(bench.ref):
            return ExecutionRun.objects.filter(workflow_id=workflow.pk, status="succeeded").count() >= 100

    eventually(all_ran, seconds=40)
    assert (first.stop(), second.stop()) == (0, 0)
    with tenant_scope(bench.ref):
        fired = ScheduleTick.objects.filter(event_id__isnull=False)
        assert fired.count() == ExecutionRun.objects.filter(workflow_id=workflow.pk).count()
        assert fired.values("event_id").distinct().count() == fired.count() >= 100
