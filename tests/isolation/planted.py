"""A workspace full of canaries: in every column that a page or an answer could show."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone
from psycopg import sql

from automate.ids import derived_id, new_id
from automate.models import (
    AuditLogEntry,
    Dedupe,
    Event,
    ExecutionRun,
    MatchDecision,
    OutboxJob,
    PolicyDocument,
    RunBulk,
    RunBulkResult,
    RunWait,
    Schedule,
    ScheduleTick,
    StepRun,
    StoredBacktest,
    Workflow,
    WorkflowVersion,
)
from automate.services import secrets as services
from automate.services.imported_apis import import_api
from automate.services.saved_views import save_view
from automate_billing.models import UsageDay
from automate_llm.models import Budget, CachedAnswer, LedgerEntry, Preferences
from automate_tenants.context import TenantRef, public_scope, tenant_scope
from automate_tenants.endpoints import create_endpoint
from automate_tenants.export.chunks import ChunkWriter
from automate_tenants.key_store import data_key
from automate_tenants.keys import ALL_SCOPES, create_key
from automate_tenants.models import Invitation, Membership, RefusalSample, WorkspaceExport
from automate_tenants.notifications import destinations
from automate_tenants.notifications.models import Delivery, Notification

CANARY = "canary"
SCOPES = ("events:write", "events:read", "runs:read", "runs:write", "workflows:read", "workflows:write",
          "workflows:publish", "secrets:read", "secrets:write", "secrets:use", "audit:read", "policy:read",
          "policy:write", "usage:read", "usage:write", "keys:read", "keys:write", "webhooks:read", "webhooks:write",
          "notifications:read", "notifications:write", "team:read", "team:write")  # fmt: skip
_CHANGING = {"latest_used_at", "latest_seen_at"}  # noting the use of a key or a visit is no change of the workspace


@dataclass(frozen=True)
class Planted:
    """What lies in the workspace, by the names that URL patterns use."""

    ids: dict[str, Any]
    token: str  # of the endpoint, which demands an API key
    api_key: str


def plant(tenant: TenantRef) -> Planted:
    now = timezone.now()
    with public_scope():
        owner = Membership.objects.get(tenant_id=tenant.id, role="owner")
        key, _ = create_key(tenant_id=tenant.id, name=f"{CANARY} key", scopes=SCOPES, created_by=f"{CANARY}:1", now=now)
        _, plain = create_key(
            tenant_id=tenant.id, name=f"{CANARY} owner's key", scopes=ALL_SCOPES, created_by=f"user:{owner.user_id}",
            now=now, by_owner=True,
        )  # fmt: skip
        member, invitation = _team(tenant, now)
        export = _export(tenant, now)
        UsageDay.objects.create(
            tenant_id=tenant.id, day=now.date(), meter="events", subject=f"webhook:{CANARY}-endpoint", amount=7
        )
    with tenant_scope(tenant):
        endpoint = create_endpoint(
            slug=f"{CANARY}-endpoint", event_type=f"{CANARY}.event", actor=f"{CANARY}:1", now=now
        ).endpoint
        definition = {
            "slug": f"{CANARY}-flow",
            "name": f"{CANARY} flow",
            "trigger": {"type": "event", "event_type": f"{CANARY}.event"},
            "rule": {"==": [{"var": "payload.word"}, CANARY]},
            "steps": [{"id": CANARY, "connector": "core", "action": "log", "params": {"message": CANARY}}],
            "tests": [{"name": CANARY, "payload": {"word": CANARY}, "expected": True}],
        }
        workflow = Workflow.objects.create(
            slug=definition["slug"], name=definition["name"], draft=definition, created_at=now, updated_at=now
        )
        version = WorkflowVersion.objects.create(
            workflow=workflow, version_num=1, trigger_spec=definition["trigger"], rule=definition["rule"],
            steps=definition["steps"], note=f"{CANARY} note", published_by=f"{CANARY}:1", published_at=now,
        )  # fmt: skip
        workflow.active_version = version
        workflow.save()
        event = Event.objects.create(
            id=new_id(), type=f"{CANARY}.event", payload={"word": CANARY}, source=f"webhook:{CANARY}-endpoint",
            headers={"user-agent": CANARY}, trace_id=uuid4(), received_at=now,
        )  # fmt: skip
        run = ExecutionRun.objects.create(
            id=derived_id(event.pk, "run", workflow.pk), event_id=event.pk, workflow_id=workflow.pk, version=version,
            trace_id=event.trace_id, status="failed", outputs={CANARY: CANARY}, steps_done=0, steps_total=1,
            error={"code": CANARY, "message": CANARY, "details": {}, "step": CANARY},
            created_at=now, started_at=now, ended_at=now + timedelta(seconds=1),
        )  # fmt: skip
        step = StepRun.objects.create(
            id=derived_id(run.pk, "attempt"), run_id=run.pk, step_id=CANARY, position=0, connector="core", action="log",
            status="failed", input={"x": CANARY}, output={"x": CANARY}, started_at=now, ended_at=now,
            error={"code": CANARY, "message": CANARY, "details": {}, "retryable": False},
            logs=[{"at": now.isoformat(), "level": "info", "message": CANARY}],
        )  # fmt: skip
        MatchDecision.objects.create(
            event_id=event.pk, workflow_id=workflow.pk, version_id=version.pk, run_id=run.pk, decision="started",
            reason="rule_true", decided_at=now,
        )  # fmt: skip
        schedule = Schedule.objects.create(
            workflow=workflow, kind="cron", spec={"type": "schedule", "cron": "0 0 1 1 *", "payload": {"x": CANARY}},
            base_at=now, next_at=now, created_at=now, updated_at=now,
        )  # fmt: skip
        backtest = StoredBacktest.objects.create(
            workflow_id=workflow.pk, version_num=1, definition=definition, since=now, until=now, max_events=1,
            events_total=1, created_by=f"{CANARY}:1", created_at=now,
        )  # fmt: skip
        bulk = RunBulk.objects.create(
            action="cancel", wanted={}, total=1, upto_run_id=run.pk, created_by=f"{CANARY}:1", created_at=now
        )
        RunBulkResult.objects.create(
            bulk_id=bulk.pk, run_id=run.pk, trace_id=run.trace_id, code="conflict", message=CANARY, created_at=now
        )
        ScheduleTick.objects.create(
            schedule_id=schedule.pk, due_at=now, outcome="fired", reason=CANARY, event_id=event.pk, decided_at=now
        )
        Dedupe.objects.create(
            id=uuid4(), source=CANARY, key=CANARY, event_id=event.pk, body_hash=b"x" * 32, expires_at=now
        )
        OutboxJob.objects.create(kind="event", event_id=event.pk, status="COMPLETED", available_at=now)
        crashing = Event.objects.create(
            id=new_id(), type=f"{CANARY}.event", payload={}, source="api", trace_id=uuid4(), received_at=now
        )
        OutboxJob.objects.create(kind="event", event_id=crashing.pk, status="DEAD", attempts=5, available_at=now)
        RunWait.objects.create(
            id=derived_id(run.pk, "wait"), run_id=run.pk, step_id=CANARY, kind="approval", created_at=now,
            details={"message": CANARY, "approvers": [f"{CANARY}@example.com"]},
        )  # fmt: skip
        AuditLogEntry.objects.create(
            actor=CANARY, action=CANARY, resource=CANARY, details={"x": CANARY}, created_at=now
        )
        LedgerEntry.objects.create(
            at=now, day=now.date().isoformat(), time_zone="UTC", workflow_id=workflow.pk, run_id=run.pk,
            step_id=CANARY, action="chat", provider=CANARY, model=CANARY, status="settled", reserved_micros=5,
            cost_micros=5, expires_at=now, error_code=CANARY, prompt=[CANARY], answer=CANARY,
        )  # fmt: skip
        Budget.objects.create(scope="tenant", period=now.date().isoformat(), spent_micros=5, updated_at=now)
        Preferences.objects.create(prices=[{"model": CANARY, "input": 1, "output": 1}], updated_at=now)
        CachedAnswer.objects.create(key=CANARY, sealed=CANARY.encode(), expires_at=now + timedelta(days=1))
        PolicyDocument.objects.create(
            document={"host_allowlist": ["*", f"{CANARY}.example.com"]}, updated_by=f"{CANARY}:1", updated_at=now
        )
        services.create_secret(
            name=f"KEY_{tenant.slug}", value="kept from everybody", note=f"{CANARY} note", actor=f"{CANARY}:1", now=now
        )
        view = save_view(
            page="runs", name=f"{CANARY} view", query=f"q={CANARY}", owner="user:1", now=now, is_shared=True
        )
        api = import_api(
            document={
                "openapi": "3.1.0",
                "info": {"title": CANARY, "version": CANARY},
                "servers": [{"url": "https://a.example"}],
                "paths": {"/": {"get": {"summary": CANARY}}},
            },
            name=f"planted {tenant.slug}",
            actor=f"{CANARY}:1",
            now=now,
        )
        delivery = _notified(owner, now)
    with public_scope():
        RefusalSample.objects.create(
            tenant_id=tenant.id, endpoint_id=endpoint.pk, code="invalid_json", message=CANARY, details={"x": CANARY},
            trace_id=uuid4(), received_at=now,
        )  # fmt: skip
    ids = {
        "view_id": view.pk,
        "api": api.slug,
        "notification_id": delivery.notification_id,
        "destination_id": delivery.destination_id,
        "delivery_id": delivery.pk,
        "event_id": event.pk,
        "run_id": run.pk,
        "step_run_id": step.pk,
        "part": "output",
        "workflow_id": workflow.pk,
        "workflow": workflow.pk,
        "template": "order-to-slack",
        "version_num": 1,
        "number": 1,
        "version": 1,
        "endpoint_id": endpoint.pk,
        "webhook_id": endpoint.pk,
        "schedule_id": schedule.pk,
        "code": "http",
        "connector": "core",
        "backtest_id": backtest.pk,
        "bulk_id": bulk.pk,
        "key_id": key.pk,
        "member_id": member.pk,
        "invitation_id": invitation.pk,
        "export_id": export.pk,
        "token": "t" * 43,
        "slug": tenant.slug,
        "name": "api",
        "path": "nonsense",
        "secret": f"KEY_{tenant.slug}",  # no canary: a refusal repeats the path
        "schema": tenant.schema_name,
        "tenant": tenant.id,
    }
    return Planted(ids, endpoint.token, plain)


def _notified(owner: Membership, now: datetime) -> Delivery:
    """A notification that every member sees, posted to a webhook of the owner."""
    told = Notification.objects.create(
        kind="limit_reached", key=CANARY, subject=CANARY, title=f"{CANARY} title", text=CANARY, path=f"/{CANARY}/",
        created_at=now, latest_at=now,
    )  # fmt: skip
    url = f"https://{CANARY}.example.com/hook"
    to = destinations.add(member=owner, url=url, now=now, actor=CANARY).destination
    return Delivery.objects.create(
        id=new_id(), notification=told, user_id=owner.user_id, channel="webhook", destination=to, status="sent",
        due_at=now, attempted_at=now, attempts=1, http_status=200, error=CANARY,
    )  # fmt: skip


def _export(tenant: TenantRef, now: datetime) -> WorkspaceExport:
    """One that is there; what is in it is not a ZIP, and a canary."""
    export = WorkspaceExport.objects.create(
        id=new_id(), tenant_id=tenant.id, status="done", asked_by=f"{CANARY}:1", created_at=now, ended_at=now,
        expires_at=now + timedelta(days=3), size_bytes=len(CANARY),
    )  # fmt: skip
    out = ChunkWriter(export.pk, data_key(tenant))
    out.write(CANARY.encode())
    out.finish()
    return export


def _team(tenant: TenantRef, now: datetime) -> tuple[Membership, Invitation]:
    email = f"{CANARY}@{tenant.slug}.example"
    user = get_user_model().objects.create_user(username=email, email=email)
    member = Membership.objects.create(user=user, tenant_id=tenant.id, role="viewer", created_at=now)
    invitation = Invitation.objects.create(
        tenant_id=tenant.id, email=f"{CANARY}-to-be@{tenant.slug}.example", role="viewer", token_hash=uuid4().bytes,
        created_at=now, first_sent_at=now, expires_at=now + timedelta(days=7),
    )  # fmt: skip
    return member, invitation


def fingerprint(tenant: TenantRef, *, without: Collection[str] = ()) -> dict[str, str]:
    """A digest of each table that holds something of the tenant: in its schema, and its rows in public."""
    prints = {}
    with public_scope(), connection.cursor() as cursor:
        for schema, table, condition in [*_own_tables(cursor, tenant), *_public_tables(cursor, tenant)]:
            if table in without:
                continue
            statement = sql.SQL("SELECT to_jsonb(t) - %s::text[] FROM {}.{} t {}").format(
                sql.Identifier(schema), sql.Identifier(table), condition
            )
            cursor.execute(statement, [sorted(_CHANGING)])
            rows = sorted(str(row) for row in cursor.fetchall())
            prints[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return prints


def _own_tables(cursor: Any, tenant: TenantRef) -> list[tuple[str, str, sql.Composable]]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [tenant.schema_name])
    return [(tenant.schema_name, table, sql.SQL("")) for (table,) in cursor.fetchall()]


def _public_tables(cursor: Any, tenant: TenantRef) -> list[tuple[str, str, sql.Composable]]:
    cursor.execute(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant_id'"
    )
    condition = sql.SQL("WHERE tenant_id = {}").format(sql.Literal(tenant.id))
    return [("public", table, condition) for (table,) in cursor.fetchall()]
