"""Failures to tell of, a clock that the tests turn, and letters in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from automate.ids import new_id
from automate.models import ExecutionRun, Workflow
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.models import NotificationTurn
from automate_tenants.notifications import rounds
from automate_tenants.notifications.models import Notification
from tests.support.workspaces import Workspace

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
Fail = Callable[..., None]


@pytest.fixture(autouse=True)
def letters(settings: Any) -> list[Any]:
    from django.core import mail

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox = []
    return mail.outbox


@pytest.fixture
def fail(db: None) -> Fail:
    """`fail(workspace, at=…, count=…, kind=…)`: runs of the sample that failed then, in that way."""

    def make(workspace: Workspace, *, at: datetime = NOW, count: int = 1, kind: str = "a") -> None:
        with tenant_scope(workspace.ref):
            workflow = Workflow.objects.select_related("active_version").get(slug="sample")
            ExecutionRun.objects.bulk_create(
                ExecutionRun(
                    id=new_id(), event_id=uuid4(), workflow_id=workflow.pk, version=workflow.active_version,
                    trace_id=uuid4(), status="failed", created_at=at, started_at=at, ended_at=at,
                    error_fingerprint=kind, error={"code": "boom", "message": f"It broke: {kind}.", "step": "shape"},
                )
                for _ in range(count)
            )  # fmt: skip

    return make


def look(workspace: Workspace, at: datetime) -> None:
    """The round a worker makes then, as if something had moved in the workspace."""
    with public_scope():
        NotificationTurn.objects.filter(pk=workspace.ref.id).update(seen="", look_at=at)
    rounds.go_round(now=at)


def told(workspace: Workspace) -> list[tuple[str, str, int]]:
    """Kind, title and count of each notification, the oldest first."""
    with tenant_scope(workspace.ref):
        return list(Notification.objects.order_by("id").values_list("kind", "title", "count"))


def later(**spans: float) -> datetime:
    return NOW + timedelta(**spans)
