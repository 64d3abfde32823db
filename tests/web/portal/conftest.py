"""Members of a workspace at its host, and rows to look at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from automate.ids import first_id_at, new_id, run_id, step_run_id
from automate.models import Dedupe, Event, ExecutionRun, MatchDecision, StepRun, Workflow
from automate.services import create_workflow, publish_version
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.middleware.membership import SESSION_TENANT_KEY
from automate_tenants.models import Membership
from tests.support.workspaces import Workspace

Enter = Callable[..., Client]


@pytest.fixture
def app(db: None) -> Client:
    """A visitor of the app's host."""
    return Client(headers={"host": "app.localhost"}, REMOTE_ADDR="127.0.0.1")


@pytest.fixture
def own_mailbox(settings: Any, tmp_path: Path) -> None:
    """Letters of this test alone, links to the app's host, and no limit on how often a visitor tries."""
    settings.EMAIL_BACKEND = "automate_web.mailbox.MailboxBackend"
    settings.MAILBOX_DIR = tmp_path / "mail"
    settings.BASE_URL = "http://app.localhost"
    settings.ACCOUNT_RATE_LIMITS = False


@pytest.fixture
def enter(db: None) -> Enter:
    """`enter(workspace, role)`: the browser of a member with that role, at the workspace's host."""

    def browser_of(workspace: Workspace, role: str = "owner") -> Client:
        browser = Client(headers={"host": f"{workspace.ref.slug}.localhost"}, REMOTE_ADDR="127.0.0.1")
        with public_scope():
            user = workspace.owner
            if role != "owner":
                email = f"{role}-{uuid4().hex[:6]}@example.com"
                user = get_user_model().objects.create_user(username=email, email=email)
                Membership.objects.create(user=user, tenant_id=workspace.ref.id, role=role, created_at=timezone.now())
            here = Membership.objects.filter(user=user, tenant_id=workspace.ref.id)
            here.update(latest_seen_at=timezone.now())  # so that a first page costs what every page does
            browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
            session = browser.session
            session[SESSION_TENANT_KEY] = workspace.ref.id
            session.save()
        return browser

    return browser_of


def carry_over(app: Client, target: str) -> tuple[Client, str, str]:
    """Follow a redirect into a workspace as a browser would: a latch there, its seal here, the ticket there.

    The browser at the workspace's host, the ticket's path, and where it led.
    """
    host, slash, path = target.removeprefix("http://").partition("/")
    browser = Client(headers={"host": host}, REMOTE_ADDR="127.0.0.1")
    back = browser.get(f"{slash}{path}").headers["Location"]
    ticket = app.get(back.removeprefix("http://app.localhost")).headers["Location"].removeprefix(f"http://{host}")
    return browser, ticket, browser.get(ticket).headers["Location"]


def published(workspace: Workspace, definition: dict[str, Any]) -> Workflow:
    """A workflow of this definition, live."""
    now = timezone.now()
    with tenant_scope(workspace.ref):
        made = create_workflow(definition=definition, actor="user:1", now=now)
        publish_version(workflow_id=made.pk, expected_revision=1, actor="user:1", now=now)
        return made


def past_event(workspace: Workspace, payload: dict[str, Any], *, type_: str = "order.created") -> Event:
    """An event of an hour ago that nothing was decided about."""
    at = timezone.now() - timedelta(hours=1)
    with tenant_scope(workspace.ref):
        return Event.objects.create(
            id=first_id_at(at), type=type_, source="api", payload=payload, trace_id=new_id(), received_at=at
        )


def make_runs(workspace: Workspace, count: int, *, type_: str = "order.created") -> list[Any]:
    """`count` events, each with a decision, a repeat and a run of the sample with one step in two attempts."""
    now = timezone.now()
    with tenant_scope(workspace.ref):
        workflow = Workflow.objects.select_related("active_version").get(slug="sample")
        version = workflow.active_version
        assert version is not None
        events = []
        for _ in range(count):
            event = Event.objects.create(
                id=new_id(), type=type_, payload={"password": "hunter2", "total": 7}, source="webhook:default",
                headers={"user-agent": "test"}, trace_id=uuid4(), received_at=now,
            )  # fmt: skip
            run = ExecutionRun.objects.create(
                id=run_id(event.pk, workflow.pk), event_id=event.pk, workflow_id=workflow.pk, version=version,
                trace_id=event.trace_id, status="failed", steps_done=0, steps_total=3, created_at=now, started_at=now,
                ended_at=now + timedelta(seconds=3),
            )  # fmt: skip
            MatchDecision.objects.create(
                event_id=event.pk, workflow_id=workflow.pk, version_id=version.pk, run_id=run.pk, decision="started",
                reason="rule_true", decided_at=now,
            )  # fmt: skip
            Dedupe.objects.create(
                id=uuid4(), source="webhook:default", key=str(event.pk), event_id=event.pk, body_hash=b"x" * 32,
                repeats=2, expires_at=now,
            )  # fmt: skip
            for attempt in (1, 2):
                StepRun.objects.create(
                    id=step_run_id(run.pk, "shape", 0, 1, attempt), run_id=run.pk, step_id="shape", position=0,
                    attempt=attempt, connector="core", action="transform", status="failed", input={"n": attempt},
                    error={"code": "boom", "message": "It broke.", "details": {}, "retryable": True},
                    started_at=now + timedelta(seconds=attempt), ended_at=now + timedelta(seconds=attempt + 0.5),
                )  # fmt: skip
            events.append(event)
    return events
