"""A client that speaks to the API as a program would, and rows as the engine leaves them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.test import Client

from automate.ids import derived_id, new_id
from automate.models import (
    Event,
    ExecutionRun,
    MatchDecision,
    OutboxJob,
    RunWait,
    Schedule,
    StepRun,
    Workflow,
    WorkflowVersion,
)
from automate_tenants.context import TenantRef, tenant_scope

ALL_SCOPES = ["events:write", "events:read", "runs:read", "runs:write", "workflows:read", "workflows:write",
              "workflows:publish",
              "secrets:read", "secrets:write", "secrets:use", "audit:read", "policy:read", "policy:write",
              "usage:read", "usage:write", "keys:read", "keys:write", "webhooks:read", "webhooks:write",
              "workspace:export", "workspace:delete"]  # fmt: skip
NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
DEFINITION: dict[str, Any] = {
    "slug": "order-flow",
    "name": "Order flow",
    "trigger": {"type": "event", "event_type": "order.created"},
    "rule": {">": [{"var": "payload.total"}, 100]},
    "steps": [{"id": "note", "connector": "core", "action": "log", "params": {"level": "info", "message": "hello"}}],
}


class Api:
    """One program with one key (or none)."""

    def __init__(self, key: str | None = None, **extra: str):
        self.key = key or ""
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.extra = extra

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> HttpResponse:
        return self.client.get(f"/api/v1{path}", query, headers={**self.headers, **(headers or {})}, **self.extra)

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> HttpResponse:
        """`body` is sent as JSON, bytes as they are."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(
            method,
            f"/api/v1{path}",
            raw,
            content_type="application/json",
            headers={**self.headers, **(headers or {})},
            **self.extra,
        )

    def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> HttpResponse:
        return self.send("POST", path, body, headers)


@dataclass
class Rows:
    """Makes rows in one workspace, as the engine would have left them."""

    tenant: TenantRef

    def workflow(self, slug: str = "order-flow", *, published: bool = True) -> Workflow:
        definition = {**DEFINITION, "slug": slug}
        with tenant_scope(self.tenant):
            workflow = Workflow.objects.create(
                slug=slug, name="Order flow", draft=definition, created_at=NOW, updated_at=NOW
            )
            if published:
                workflow.active_version = WorkflowVersion.objects.create(
                    workflow=workflow,
                    version_num=1,
                    trigger_spec=definition["trigger"],
                    rule=definition["rule"],
                    steps=definition["steps"],
                    published_by="user:1",
                    published_at=NOW,
                )
                workflow.save()
            return workflow

    def schedule(self, workflow: Workflow) -> Schedule:
        """As if the workflow's live version had a schedule."""
        spec = {"type": "schedule", "cron": "0 9 * * MON-FRI", "timezone": "Europe/Berlin", "overlap": "skip"}
        with tenant_scope(self.tenant):
            return Schedule.objects.create(
                workflow=workflow, kind="cron", spec=spec, base_at=NOW, next_at=NOW, created_at=NOW, updated_at=NOW
            )

    def event(self, *, at: datetime = NOW, **fields: Any) -> Event:
        row = {"type": "order.created", "payload": {"id": 7}, "source": "api", "trace_id": uuid4(), **fields}
        with tenant_scope(self.tenant):
            return Event.objects.create(id=id_at(at), received_at=at, **row)

    def run(self, event: Event, workflow: Workflow, *, status: str = "succeeded", attempts: int = 1) -> ExecutionRun:
        run_id = derived_id(event.pk, "run", workflow.pk)
        with tenant_scope(self.tenant):
            run = ExecutionRun.objects.create(
                id=run_id,
                event_id=event.pk,
                workflow_id=workflow.pk,
                version=workflow.active_version,
                trace_id=event.trace_id,
                status=status,
                outputs={"note": {"message": "hello"}},
                steps_done=1,
                steps_total=1,
                created_at=event.received_at,
            )
            for attempt in range(1, attempts + 1):
                StepRun.objects.create(
                    id=derived_id(run_id, "attempt", attempt),
                    run_id=run_id,
                    step_id="note",
                    position=0,
                    attempt=attempt,
                    connector="core",
                    action="log",
                    status="succeeded" if attempt == attempts else "failed",
                    started_at=event.received_at + timedelta(seconds=attempt),
                )
            MatchDecision.objects.create(
                event_id=event.pk,
                workflow_id=workflow.pk,
                version_id=workflow.active_version_id,
                run_id=run_id,
                decision="started",
                reason="rule_true",
                decided_at=event.received_at,
            )
            return run

    def held(self, event: Event, workflow: Workflow) -> ExecutionRun:
        """A run whose one step may have happened: it waits for a person's word."""
        run = self.run(event, workflow, status="held")
        with tenant_scope(self.tenant):
            error = {"code": "effect_unknown", "message": "Nobody knows.", "details": {}, "step": "note"}
            StepRun.objects.filter(run_id=run.pk).update(status="unknown", error=error)
            ExecutionRun.objects.filter(pk=run.pk).update(error=error)
            OutboxJob.objects.create(kind="run", run_id=run.pk, status="COMPLETED", available_at=NOW)
        return run

    def asking(self, event: Event, workflow: Workflow, *, approvers: list[str] | None = None) -> ExecutionRun:
        """A run that waits for somebody's answer."""
        run = self.run(event, workflow, status="waiting")
        with tenant_scope(self.tenant):
            StepRun.objects.filter(run_id=run.pk).update(action="approve", status="waiting")
            OutboxJob.objects.create(kind="run", run_id=run.pk, status="COMPLETED", available_at=NOW)
            RunWait.objects.create(
                id=derived_id(run.pk, "wait"),
                run_id=run.pk,
                step_id="note",
                kind="approval",
                details={"message": "Refund 120 EUR?", "approvers": approvers or []},
                created_at=event.received_at,
            )
        return run


def id_at(at: datetime) -> UUID:
    """A UUIDv7 of that moment."""
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (new_id().int & ((1 << 80) - 1)))
