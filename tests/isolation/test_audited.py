"""Every request that may change something: what it writes into the audit log, or why it writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils import timezone

from automate.models import (
    AuditLogEntry,
    ExecutionRun,
    OutboxJob,
    RunWait,
    StepRun,
    StoredBacktest,
    WebhookEndpoint,
    Workflow,
    WorkflowVersion,
)
from automate.services.secrets import rotate_secret
from automate_tenants.context import public_scope, tenant_scope
from tests.isolation.conftest import client, host_of, logged_in
from tests.isolation.planted import CANARY, Planted
from tests.isolation.route import OPENAPI, Route, address
from tests.isolation.routes import ROUTES
from tests.support.sink import Sink
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db

LOOKS = "it only looks: nothing is changed"
OWN = "the member's own account or view of the pages, not the workspace's"
DATA = "an event is data, and its own immutable record"
FLOW = {
    "slug": f"{CANARY}-flow",
    "name": "Changed",
    "trigger": {"type": "event", "event_type": "changed"},
    "steps": [{"id": "a", "connector": "core", "action": "log", "params": {"message": "x"}}],
}
MADE = {**FLOW, "slug": "made"}
Prepare = Callable[[Planted], None]
Body = Mapping[str, Any] | Callable[[Planted], Mapping[str, Any]]


@dataclass(frozen=True)
class Change:
    """What one request does: the `actions` it must leave, in order, each once; or none, `because` of something."""

    actions: tuple[str, ...] = ()
    because: str = ""
    body: Body | None = None  # instead of the route's own
    prepare: Prepare = lambda planted: None


def leaves(*actions: str, body: Body | None = None, prepare: Prepare = lambda planted: None) -> Change:
    return Change(actions, body=body, prepare=prepare)


def nothing(because: str, body: Mapping[str, Any] | None = None) -> Change:
    return Change(because=because, body=body)


def live(planted: Planted) -> None:
    ExecutionRun.objects.filter(pk=planted.ids["run_id"]).update(status="queued", ended_at=None)


def drafted(planted: Planted) -> None:
    Workflow.objects.filter(pk=planted.ids["workflow_id"]).update(draft=FLOW)


def doubtful(planted: Planted) -> None:
    ExecutionRun.objects.filter(pk=planted.ids["run_id"]).update(status="held", ended_at=None)
    StepRun.objects.filter(run_id=planted.ids["run_id"]).update(status="unknown")


def looking_back(planted: Planted) -> None:
    StoredBacktest.objects.filter(pk=planted.ids["backtest_id"]).update(status="running", ended_at=None)


def asking(planted: Planted) -> None:
    ExecutionRun.objects.filter(pk=planted.ids["run_id"]).update(status="waiting", ended_at=None)
    StepRun.objects.filter(run_id=planted.ids["run_id"]).update(status="waiting", ended_at=None)
    RunWait.objects.filter(run_id=planted.ids["run_id"]).update(details={"message": "?", "approvers": []})


def twice(planted: Planted) -> None:
    """A second version is live."""
    first = WorkflowVersion.objects.get(workflow_id=planted.ids["workflow_id"])
    second = WorkflowVersion.objects.create(
        workflow_id=first.workflow_id, version_num=2, trigger_spec=first.trigger_spec, rule=None, steps=FLOW["steps"],
        published_by="system", published_at=timezone.now(),
    )  # fmt: skip
    Workflow.objects.filter(pk=first.workflow_id).update(active_version=second)


def trashed(planted: Planted) -> dict[str, Any]:
    """In the trash; its name is what a purge asks for."""
    workflow = Workflow.objects.get(pk=planted.ids["workflow_id"])
    Workflow.objects.filter(pk=workflow.pk).update(removed_at=timezone.now(), is_enabled=False)
    ExecutionRun.objects.filter(workflow_id=workflow.pk).update(status="succeeded", ended_at=timezone.now())
    return {"name": workflow.name}


def trashed_away(planted: Planted) -> dict[str, Any]:
    trashed(planted)
    return {}


def crashed(planted: Planted) -> dict[str, Any]:
    return {"event": str(OutboxJob.objects.get(kind="event", status="DEAD").event_id)}


def signing(planted: Planted) -> None:
    WebhookEndpoint.objects.filter(pk=planted.ids["endpoint_id"]).update(auth="github")


def overlapping(planted: Planted) -> None:
    signing(planted)
    until = timezone.now() + timedelta(hours=1)
    WebhookEndpoint.objects.filter(pk=planted.ids["endpoint_id"]).update(previous_secret_until=until)


def rotated(planted: Planted) -> None:
    rotate_secret(name=planted.ids["secret"], value="another", actor="system", now=timezone.now())


PORTAL = {
    "views/": leaves("view.create"),
    "views/<int:view_id>/": leaves("view.update"),
    "views/<int:view_id>/removals/": leaves("view.delete"),
    "start/events/": nothing(DATA),
    "start/github/": leaves("endpoint.create"),
    "start/stripe/": leaves("endpoint.create"),
    "start/email/": nothing(OWN),
    "start/email/letters/": nothing(OWN),
    "start/checklist/": nothing(OWN),
    "start/key-saved/": nothing(OWN),
    "settings/": leaves("workspace.update"),
    "settings/second-factor/": leaves("workspace.update"),
    "settings/exports/": leaves("workspace.export"),
    "settings/deletion/": leaves("workspace.delete"),
    "team/": leaves("invitation.create"),
    "team/tour/": nothing(OWN),
    "team/members/<int:member_id>/role/": leaves("member.change_role"),
    "team/members/<int:member_id>/remove/": leaves("member.remove"),
    "team/invitations/<int:invitation_id>/letters/": leaves("invitation.resend"),
    "team/invitations/<int:invitation_id>/revocations/": leaves("invitation.revoke"),
    "events/<uuid:event_id>/raw/": leaves("event.view_raw"),
    "events/<uuid:event_id>/replays/": leaves("event.replay"),
    "runs/<uuid:run_id>/retries/": leaves("run.retry"),
    "runs/<uuid:run_id>/attempts/<uuid:step_run_id>/raw/": leaves("step.view_raw"),
    "runs/<uuid:run_id>/cancellations/": leaves("run.cancel", prepare=live),
    "runs/<uuid:run_id>/settlements/": leaves("run.settle", prepare=doubtful),
    "runs/<uuid:run_id>/approvals/": leaves("run.approve", prepare=asking),
    "runs/bulk/": leaves("bulk.start"),
    "runs/bulk/<uuid:bulk_id>/cancellations/": leaves("bulk.stop"),
    "failures/redrives/": leaves("run.redrive"),
    "failures/dismissals/": leaves("run.dismiss"),
    "failures/marks/": leaves("failure.mute"),
    "failures/events/": leaves("event.redrive", body=crashed),
    "workflows/new/": leaves("workflow.create", body={"definition": json.dumps(MADE)}),
    "workflows/problems/": nothing(LOOKS),
    "workflows/<uuid:workflow_id>/draft/": leaves(
        "workflow.save", body={"definition": json.dumps(FLOW), "revision": "1"}
    ),
    "workflows/<uuid:workflow_id>/versions/": leaves(
        "workflow.save", "workflow.publish", body={"definition": json.dumps(FLOW), "revision": "1"}
    ),
    "workflows/<uuid:workflow_id>/rollbacks/": leaves(
        "workflow.rollback", body={"to": "1", "expected": "2"}, prepare=twice
    ),
    "workflows/imports/": leaves(
        "workflow.create", body={"text": json.dumps([MADE]), "states": json.dumps({"made": "none"})}
    ),
    "workflows/<uuid:workflow_id>/enabled/": leaves("workflow.disable"),
    "workflows/<uuid:workflow_id>/runs/": leaves("workflow.run"),
    "workflows/<uuid:workflow_id>/dry-runs/": nothing(LOOKS),
    "workflows/<uuid:workflow_id>/rule-tests/": leaves("workflow.save"),
    "workflows/<uuid:workflow_id>/rule-tests/removals/": leaves("workflow.save"),
    "workflows/<uuid:workflow_id>/rule-evaluations/": nothing(LOOKS),
    "connectors/http/curl/": nothing(LOOKS),
    "connectors/apis/": leaves("api.import"),
    "connectors/apis/<slug:api>/removals/": leaves("api.remove"),
    "connectors/<slug:code>/tests/": leaves("connection.test", body={"url": "http://localhost/", "method": "GET"}),
    "workflows/<uuid:workflow_id>/backtests/": leaves("backtest.start"),
    "workflows/<uuid:workflow_id>/backtests/<uuid:backtest_id>/cancellations/": leaves(
        "backtest.cancel", prepare=looking_back
    ),
    "workflows/<uuid:workflow_id>/removed/": leaves("workflow.disable", "workflow.remove"),
    "workflows/templates/<slug:template>/workflows/": leaves("workflow.create"),
    "workflows/<uuid:workflow_id>/purges/": leaves("workflow.purge", body=trashed),
    "workflows/<uuid:workflow_id>/unpublished/": leaves("workflow.unpublish"),
    "workflows/<uuid:workflow_id>/tags/": leaves("workflow.tag"),
    "workflows/<uuid:workflow_id>/copies/": leaves("workflow.create"),
    "schedules/<uuid:schedule_id>/ticks/": leaves("schedule.run"),
    "schedules/<uuid:schedule_id>/paused/": leaves("schedule.pause"),
    "webhooks/new/": leaves("endpoint.create"),
    "webhooks/<uuid:endpoint_id>/": leaves("endpoint.update"),
    "webhooks/<uuid:endpoint_id>/paused/": leaves("endpoint.pause"),
    "webhooks/<uuid:endpoint_id>/secret/": leaves("endpoint.rotate_secret", prepare=signing),
    "webhooks/<uuid:endpoint_id>/removals/": leaves("endpoint.delete"),
    "webhooks/<uuid:endpoint_id>/secret/ended/": leaves("endpoint.end_overlap", prepare=overlapping),
    "webhooks/<uuid:endpoint_id>/test/": leaves("endpoint.test"),
    "governance/secrets/": leaves("secret.create"),
    "governance/secrets/<str:secret>/": leaves("secret.change"),
    "governance/secrets/<str:secret>/rotate/": leaves("secret.rotate"),
    "governance/secrets/<str:secret>/restore/": leaves("secret.restore", prepare=rotated),
    "governance/secrets/<str:secret>/delete/": leaves("secret.delete"),
    "governance/policies/": leaves(
        "policy.change",
        body={"webhook_rate": "5", "revision": "1", "save": "1", "checked": json.dumps({"webhook_rate": 5})},
    ),
    "governance/llm/": leaves("llm.preferences"),
    "governance/kill-switch/": leaves("engine.halt"),
    "notifications/reads/": nothing(OWN),
    "notifications/banners/": nothing(OWN),
    "notifications/settings/": leaves("notifications.choose"),
    "notifications/webhooks/": leaves("notifications.add_webhook"),
    "notifications/webhooks/<uuid:destination_id>/rolls/": leaves("notifications.roll_webhook"),
    "notifications/webhooks/<uuid:destination_id>/enabled/": leaves("notifications.disable_webhook"),
    "notifications/webhooks/<uuid:destination_id>/removals/": leaves("notifications.remove_webhook"),
    "notifications/webhooks/<uuid:destination_id>/tests/": nothing(LOOKS),
    "notifications/deliveries/<uuid:delivery_id>/redeliveries/": leaves("notifications.redeliver"),
    "usage/alerts/": leaves("usage.thresholds"),
    "developers/keys/": leaves("api_key.create"),
    "developers/keys/<int:key_id>/roll/": leaves("api_key.roll"),
    "developers/keys/<int:key_id>/revoke/": leaves("api_key.revoke"),
}
API = {
    "POST views": leaves("view.create", body={"page": "runs", "name": "made"}),
    "PATCH views/<str:view_id>": leaves("view.update", body={"name": "made"}),
    "DELETE views/<str:view_id>": leaves("view.delete"),
    "POST events": nothing(DATA, {"type": "a", "payload": {}}),
    "POST events/<str:event_id>/replays": leaves("event.replay"),
    "POST runs/<str:run_id>/retries": leaves("run.retry", body={"from": "start"}),
    "POST runs/<str:run_id>/cancellations": leaves("run.cancel", prepare=live),
    "POST runs/<str:run_id>/settlements": leaves(
        "run.settle", body={"step": CANARY, "verdict": "did_not_happen"}, prepare=doubtful
    ),
    "POST runs/<str:run_id>/approvals": leaves(
        "run.approve", body={"step": CANARY, "decision": "approve"}, prepare=asking
    ),
    "POST failures/redrives": leaves("run.redrive", body={"all": True}),
    "POST failures/dismissals": leaves("run.dismiss", body={"all": True}),
    "POST failures/marks": leaves(
        "failure.mute",
        body=lambda planted: {
            "workflow": f"{CANARY}-flow",
            "fingerprint": "",
            "muted_until": (timezone.now() + timedelta(days=1)).isoformat(),
        },
    ),
    "POST notifications/reads": nothing(OWN, {"all": True}),
    "PUT notifications/<str:notification_id>": nothing(OWN, {"is_read": True}),
    "PUT notifications/preferences": leaves(
        "notifications.choose", body={"kinds": {"usage": {"webhook": False, "in_app": True}}}
    ),
    "POST notifications/webhooks": leaves("notifications.add_webhook", body={"url": "https://made.example.com/"}),
    "PUT notifications/webhooks/<str:destination_id>": leaves(
        "notifications.disable_webhook", body={"is_enabled": False}
    ),
    "DELETE notifications/webhooks/<str:destination_id>": leaves("notifications.remove_webhook"),
    "POST notifications/webhooks/<str:destination_id>/rolls": leaves("notifications.roll_webhook"),
    "POST notifications/webhooks/<str:destination_id>/tests": nothing(LOOKS),
    "POST notifications/deliveries/<str:delivery_id>/redeliveries": leaves("notifications.redeliver"),
    "PUT usage/alerts": leaves("usage.thresholds", body={"every": [90]}),
    "PUT halt": leaves("engine.halt", body={"is_halted": True}),
    "PUT workflows/<str:workflow>/halt": leaves("workflow.halt", body={"is_halted": True}),
    "POST workflows": leaves("workflow.create", body=MADE),
    "PUT workflows/<str:workflow>": leaves("workflow.save", body=FLOW),
    "PATCH workflows/<str:workflow>": leaves(
        "workflow.tag",
        "workflow.disable",
        "workflow.unpublish",
        body={"tags": ["made"], "is_enabled": False, "live_version": None},
    ),
    "DELETE workflows/<str:workflow>": leaves("workflow.disable", "workflow.remove"),
    "POST workflows/<str:workflow>/copies": leaves("workflow.create"),
    "POST workflow-trash/<str:workflow_id>/restorations": leaves("workflow.restore", body=trashed_away),
    "POST workflow-trash/<str:workflow_id>/purges": leaves("workflow.purge", body=trashed),
    "POST workflow-templates/<str:template>/workflows": leaves("workflow.create"),
    "POST workflows/<str:workflow>/versions": leaves("workflow.publish", prepare=drafted),
    "POST workflows/<str:workflow>/rollbacks": leaves(
        "workflow.rollback", body={"version_num": 1, "expected_version_num": 2}, prepare=twice
    ),
    "POST workflow-imports": leaves("workflow.create", "workflow.publish", body={"definitions": [MADE]}),
    "PATCH workspace": leaves("workspace.update", body={"name": "Another"}),
    "POST workspace/exports": leaves("workspace.export", body={"raw": True}),
    "POST workspace/deletions": leaves("workspace.delete", body={"confirm": "alpha"}),
    "PUT policy": leaves("policy.change", body={"webhook_rate": 5}),
    "POST policy-previews": nothing(LOOKS, {"webhook_rate": 5}),
    "POST secrets": leaves("secret.create", body={"name": "MADE", "value": "made value"}),
    "PATCH secrets/<str:secret>": leaves("secret.change", body={"note": "changed"}),
    "DELETE secrets/<str:secret>": leaves("secret.delete"),
    "POST secrets/<str:secret>/versions": leaves("secret.rotate", body={"value": "another value"}),
    "POST secrets/<str:secret>/restorations": leaves("secret.restore", prepare=rotated),
    "PUT llm/preferences": leaves("llm.preferences", body={"keeps_prompts": True, "prices": []}),
    "POST workflows/<str:workflow>/runs": leaves("workflow.run", body={"payload": {}}),
    "PATCH schedules/<str:schedule_id>": leaves("schedule.pause", body={"is_paused": True}),
    "POST schedules/<str:schedule_id>/ticks": leaves("schedule.run"),
    "POST workflow-validations": nothing(LOOKS, MADE),
    "POST connector-apis": leaves("api.import", body={"document": OPENAPI}),
    "DELETE connector-apis/<str:api>": leaves("api.remove"),
    "POST connector-tests": leaves(
        "connection.test", body={"connector": "http", "params": {"url": "http://localhost/"}}
    ),
    "POST connector-steps": nothing(LOOKS, {"curl": "curl https://a.example"}),
    "POST workflows/<str:workflow>/rule-tests": leaves(
        "workflow.save", body={"name": "made", "payload": {}, "expected": False}
    ),
    "DELETE workflows/<str:workflow>/rule-tests/<int:number>": leaves("workflow.save"),
    "POST events/stream-tokens": nothing(LOOKS),
    "POST webhooks": leaves("endpoint.create", body={"slug": "made"}),
    "PATCH webhooks/<str:webhook_id>": leaves(
        "endpoint.update",
        "endpoint.pause",
        body={
            "event_type": "changed",
            "is_paused": True,
        },
    ),
    "DELETE webhooks/<str:webhook_id>": leaves("endpoint.delete"),
    "POST webhooks/<str:webhook_id>/secrets": leaves("endpoint.rotate_secret", prepare=signing),
    "DELETE webhooks/<str:webhook_id>/secrets/previous": leaves("endpoint.end_overlap", prepare=overlapping),
    "POST webhooks/<str:webhook_id>/tests": leaves("endpoint.test", body={"payload": {}}),
    "POST runs/bulk": leaves("bulk.start", body={"action": "retry", "filter": {}}),
    "POST runs/bulk/<str:bulk_id>/cancellations": leaves("bulk.stop"),
    "POST keys": leaves("api_key.create", body={"name": "made", "scopes": ["events:write"]}),
    "POST keys/<str:key_id>/rolls": leaves("api_key.roll"),
    "POST keys/<str:key_id>/revocations": leaves("api_key.revoke"),
    "POST rule-evaluations": nothing(LOOKS, {"rule": None, "payload": {}}),
    "POST workflow-dry-runs": nothing(LOOKS, {"definition": MADE, "payload": {}}),
    "POST workflow-backtests": nothing(LOOKS, {"workflow": f"{CANARY}-flow", "definition": FLOW}),
    "PATCH team/members/<str:member_id>": leaves("member.change_role", body={"role": "operator"}),
    "DELETE team/members/<str:member_id>": leaves("member.remove"),
    "POST team/invitations": leaves("invitation.create", body={"emails": ["new@example.com"], "role": "viewer"}),
    "POST team/invitations/<str:invitation_id>/letters": leaves("invitation.resend"),
    "POST team/invitations/<str:invitation_id>/revocations": leaves("invitation.revoke"),
    "POST backtests": leaves("backtest.start", body={"workflow": f"{CANARY}-flow", "definition": FLOW}),
    "POST backtests/<str:backtest_id>/cancellations": leaves("backtest.cancel", prepare=looking_back),
}
CHANGES = {("POST", pattern): change for pattern, change in PORTAL.items()} | {
    (method, f"api/v1/{pattern}"): change
    for (method, _, pattern), change in ((name.partition(" "), change) for name, change in API.items())
}
CHANGING = [
    (route, method)
    for route in ROUTES
    if route.where in {"workspace", "api"}
    for method in route.needs
    if method != "GET"
]


@dataclass
class Hands:
    """Sends the request of one change, as the owner or with a key."""

    workspace: Workspace
    planted: Planted

    def send(self, route: Route, method: str, change: Change) -> Any:
        path = address(route, self.planted.ids)
        body = change.body or route.body
        if callable(body):
            with tenant_scope(self.workspace.ref):
                body = body(self.planted)
        if route.where == "api":
            headers = {"Authorization": f"Bearer {self.planted.api_key}", "If-Match": "*"}
            return client("testserver").generic(
                method, path, json.dumps(body), content_type="application/json", headers=headers
            )
        browser = logged_in(self.workspace.owner, self.workspace, host_of(self.workspace))
        session = browser.session
        session["reauthenticated_at"] = timezone.now().timestamp()
        session.save()
        return browser.post(path, dict(body))


def test_every_request_that_may_change_something_is_declared_here() -> None:
    assert sorted(CHANGES) == sorted((method, route.pattern) for route, method in CHANGING)
    assert all(bool(change.actions) != bool(change.because) for change in CHANGES.values())


def test_each_leaves_exactly_what_is_declared_by_whoever_did_it(
    tenant_a: Workspace, planted: Planted, http_sink: Sink, settings: Any
) -> None:
    settings.INTERNAL_URL = http_sink.url  # where the test sender of webhooks finds a gateway
    with public_scope():
        owner = tenant_a.owner
        EmailAddress.objects.update_or_create(user=owner, email=owner.email, defaults={"verified": True})
        Authenticator.objects.create(user=owner, type="totp", data={})
    hands, wrong = Hands(tenant_a, planted), []
    for route, method in CHANGING:
        change = CHANGES[method, route.pattern]
        point = transaction.savepoint()
        with tenant_scope(tenant_a.ref):
            change.prepare(planted)
            latest = AuditLogEntry.objects.order_by("id").values_list("id", flat=True).last() or 0
        answer = hands.send(route, method, change)
        with tenant_scope(tenant_a.ref):
            left = list(AuditLogEntry.objects.filter(pk__gt=latest).order_by("id"))
        actions = tuple(entry.action for entry in left)
        strangers = {
            entry.actor for entry in left if not entry.actor.startswith("key:" if route.where == "api" else "user:")
        }
        if answer.status_code >= 400 or actions != change.actions or strangers:
            wrong.append((method, route.pattern, answer.status_code, actions, strangers))
        transaction.savepoint_rollback(point)
    assert wrong == []
