"""Many runs at once on the pages: counted, started, watched, stopped."""

from __future__ import annotations

from typing import Any

import pytest

from automate.bulk_runs import tick
from automate.models import RunBulk
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.support import NOW, Rows
from tests.web.portal.conftest import Enter

pytestmark = pytest.mark.django_db


def test_ticked_runs_are_counted_retried_and_watched(enter: Enter, tenant_a: Workspace) -> None:
    owner = enter(tenant_a)
    rows = Rows(tenant_a.ref)
    workflow = rows.workflow()
    runs = [rows.run(rows.event(), workflow, status="failed") for _ in range(2)]
    rows.run(rows.event(), workflow)

    listed = owner.get("/runs/?status=failed").content.decode()
    assert all(f'value="{run.pk}"' in listed for run in runs)
    assert "/runs/bulk/?status=failed" in listed
    counted = owner.get("/runs/bulk/", {"action": "retry", "run": [str(run.pk) for run in runs]})
    assert "Retry 2 runs" in counted.content.decode()
    assert "Every run with" in owner.get("/runs/bulk/?status=failed").content.decode()

    started = owner.post("/runs/bulk/", {"action": "retry", "status": "failed", "rate": "10"})
    page: Any = owner.get(started["Location"])

    assert "0 of 2 looked at" in page.content.decode()
    with tenant_scope(tenant_a.ref):
        bulk = RunBulk.objects.get()
        assert bulk.tick_job_id is not None
        assert tick(bulk.tick_job_id, now=NOW)
    assert "2 done, 0 skipped" in owner.get(started["Location"]).content.decode()
    stopped = owner.post(f"{started['Location']}cancellations/", follow=True)
    assert "What was done stays" in stopped.content.decode()


def test_what_cannot_be_meant_is_told(enter: Enter, tenant_a: Workspace) -> None:
    owner = enter(tenant_a)
    assert owner.get("/runs/bulk/?status=broken").status_code == 422
    assert owner.post("/runs/bulk/", {"action": "retry", "rate": "7"}).status_code == 422
    assert owner.post("/runs/bulk/", {"action": "retry"}).status_code == 422
