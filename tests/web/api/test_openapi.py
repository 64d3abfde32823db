"""The OpenAPI document: current, valid, and true of the answers."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.utils import timezone
from jsonschema.validators import Draft202012Validator

from automate_tenants.context import TenantRef, public_scope, tenant_scope
from automate_tenants.models import Membership
from automate_tenants.notifications.events import tell_halt
from automate_tenants.notifications.models import Delivery
from automate_web.api import schema
from automate_web.api.examples import EXAMPLES
from tests.isolation.route import OPENAPI
from tests.support.sink import Sink
from tests.web.api.support import DEFINITION, Api, Rows

OPERATION_IDS = {  # a promise: clients are generated from them
    "events_list", "events_send", "events_get", "runs_list", "runs_get", "workflows_list", "workflows_create",
    "workflows_get", "workflows_save_draft", "workflow_versions_list", "workflow_versions_publish",
    "workflow_versions_get", "workflow_versions_export", "workflow_versions_diff", "workflow_rollbacks_create",
    "workflow_imports_create", "workflow_dry_runs_create", "workflow_backtests_create",
    "workflow_backtest_jobs_list", "workflow_backtest_jobs_create", "workflow_backtest_jobs_get",
    "workflow_backtest_cancellations_create",
    "workflow_rule_evaluations_create", "workflow_rule_tests_list", "workflow_rule_tests_create",
    "workflow_rule_tests_delete",
    "workflow_validations_create", "secrets_list", "secrets_create", "secrets_get", "secrets_change", "secrets_delete",
    "secret_versions_create", "secret_restorations_create", "audit_list",
    "webhooks_list", "webhooks_create", "webhooks_get", "webhooks_change", "webhooks_delete",
    "webhook_secrets_create",
    "webhook_secrets_end_overlap", "webhook_tests_create", "webhook_requests_list", "webhook_traffic_get",
    "run_bulks_list", "run_bulks_create", "run_bulks_get", "run_bulk_results_list", "run_bulk_cancellations_create",
    "key_get", "keys_list", "keys_get", "keys_create", "key_rolls_create", "key_revocations_create",
    "team_members_list", "team_members_get", "team_members_change", "team_members_delete",
    "team_invitations_list", "team_invitations_create", "team_invitations_get", "team_invitation_letters_create",
    "team_invitation_revocations_create",
    "events_feed", "event_stream_tokens_create",
    "policy_get", "policy_save", "policy_previews_create",
    "workspace_get", "workspace_save", "workspace_exports_list", "workspace_exports_create", "workspace_exports_get",
    "workspace_delete",
    "views_list", "views_create", "views_get", "views_change", "views_delete",
    "overview_get", "usage_get", "usage_alerts_get", "usage_alerts_save", "usage_days",
    "llm_usage_get", "llm_calls_list", "llm_preferences_get", "llm_preferences_save",
    "connectors_list", "connectors_get", "connector_steps_create", "connector_tests_create",
    "connector_apis_list", "connector_apis_create", "connector_apis_get", "connector_apis_delete",
    "workflow_runs_create", "schedules_list", "schedules_get", "schedules_change",
    "schedule_ticks_list", "schedule_ticks_create",
    "run_retries_create", "run_cancellations_create", "run_settlements_create", "approvals_list",
    "run_approvals_create", "event_replays_create", "failures_list", "failure_groups_list", "failure_events_list",
    "failure_redrives_create", "failure_dismissals_create", "failure_marks_create", "halts_get", "halts_save",
    "workflow_halts_get", "workflow_halts_save",
    "workflows_change", "workflows_delete", "workflow_copies_create", "workflow_dependents_get", "workflow_trash_list",
    "workflow_restorations_create", "workflow_purges_create", "workflow_templates_list", "workflow_templates_get",
    "workflow_templates_create_workflow",
    "notifications_list", "notifications_get", "notifications_save", "notification_reads_create",
    "notification_preferences_get", "notification_preferences_save", "notification_webhooks_list",
    "notification_webhooks_create", "notification_webhooks_get", "notification_webhooks_save",
    "notification_webhooks_delete", "notification_webhook_rolls_create", "notification_webhook_tests_create",
    "notification_deliveries_list", "notification_redeliveries_create",
}  # fmt: skip


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(schema.FILE.read_text())
    return loaded


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {op["operationId"]: op for methods in document["paths"].values() for op in methods.values()}


def validator(document: dict[str, Any], part: dict[str, Any]) -> Draft202012Validator:
    """For a schema inside the document, whose references lead into it."""
    return Draft202012Validator({**part, "components": document["components"]})


def test_the_checked_in_document_is_current() -> None:
    assert schema.FILE.read_text() == schema.as_text(schema.document()), "run `automate_openapi`"


def test_operation_ids_are_the_promised_ones(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert set(operations(document)) == OPERATION_IDS


def test_each_operation_has_an_example_its_errors_and_a_key(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        success = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        assert success["content"]["application/json"]["examples"], name
        assert {"401", "403", "500"} <= set(operation["responses"]), name
        assert operation["security"] == [{"apiKey": []}], name
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"], name
        for status in (s for s in operation["responses"] if s >= "400"):
            error = operation["responses"][status]["content"]["application/json"]
            assert error["schema"] == {"$ref": "#/components/schemas/ErrorBody"}, (name, status)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_examples_are_what_the_schema_says(document: dict[str, Any], name: str) -> None:
    operation = operations(document)[name]
    success = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))

    validator(document, success["content"]["application/json"]["schema"]).validate(EXAMPLES[name]["answer"])


def purged(api: Api, workflow: dict[str, Any]) -> Any:
    api.send("DELETE", f"/workflows/{workflow['id']}", None, {})
    return api.post(f"/workflow-trash/{workflow['id']}/purges", {"name": workflow["name"]})


def team(api: Api, tenant: TenantRef) -> dict[str, Any]:
    """Every operation of the team, on another member and an invitation."""
    with public_scope():
        user = User.objects.create_user(username="someone", email="someone@example.com")
        someone = Membership.objects.create(user=user, tenant_id=tenant.id, role="viewer", created_at=timezone.now())
        owner = Membership.objects.get(tenant_id=tenant.id, role="owner").user
        EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    member = f"/team/members/{someone.pk}"
    made = api.post("/team/invitations", {"emails": ["new@example.com"], "role": "viewer"})
    invitation = f"/team/invitations/{made.json()['results'][0]['id']}"
    return {
        "team_members_list": api.get("/team/members"),
        "team_members_get": api.get(member),
        "team_members_change": api.send("PATCH", member, {"role": "builder"}),
        "team_members_delete": api.send("DELETE", member),
        "team_invitations_create": made,
        "team_invitations_list": api.get("/team/invitations"),
        "team_invitations_get": api.get(invitation),
        "team_invitation_letters_create": api.post(f"{invitation}/letters"),
        "team_invitation_revocations_create": api.post(f"{invitation}/revocations"),
    }


def notifications(api: Api, tenant: TenantRef) -> dict[str, Any]:
    """Every operation of notifications, on a notification that was posted to a webhook. Nothing listens there."""
    url = "https://hooks.invalid/automate"
    made = api.post("/notifications/webhooks", {"url": url})
    webhook = f"/notifications/webhooks/{made.json()['id']}"
    with tenant_scope(tenant):
        tell_halt("here", halted=True, now=timezone.now())
    told = f"/notifications/{api.get('/notifications').json()['results'][0]['id']}"
    with tenant_scope(tenant):
        Delivery.objects.filter(channel="webhook").update(status="failed")
    log = api.get("/notifications/deliveries", webhook=made.json()["id"])
    return {
        "notifications_list": api.get("/notifications", status="unread", kind="engine_paused"),
        "notifications_get": api.get(told),
        "notifications_save": api.send("PUT", told, {"is_read": True}),
        "notification_reads_create": api.post("/notifications/reads", {"all": True}),
        "notification_preferences_get": api.get("/notifications/preferences"),
        "notification_preferences_save": api.send(
            "PUT", "/notifications/preferences", {"kinds": {"usage": {"email": False}}}
        ),
        "notification_webhooks_list": api.get("/notifications/webhooks"),
        "notification_webhooks_create": made,
        "notification_webhooks_get": api.get(webhook),
        "notification_deliveries_list": log,
        "notification_redeliveries_create": api.post(
            f"/notifications/deliveries/{log.json()['results'][0]['id']}/redeliveries"
        ),
        "notification_webhook_tests_create": api.post(f"{webhook}/tests"),
        "notification_webhook_rolls_create": api.post(f"{webhook}/rolls"),
        "notification_webhooks_save": api.send("PUT", webhook, {"is_enabled": False}),
        "notification_webhooks_delete": api.send("DELETE", webhook),
    }


@pytest.mark.django_db
def test_answers_are_what_the_schema_says(
    document: dict[str, Any], api: Api, rows: Rows, http_sink: Sink, settings: Any
) -> None:
    workflow, event = rows.workflow(), rows.event()
    run = rows.run(event, workflow, attempts=2)
    schedule = rows.schedule(workflow)
    failed = rows.run(rows.event(), workflow, status="failed")
    held = rows.held(rows.event(), workflow)
    asking = rows.asking(rows.event(), workflow)
    backtest = api.post("/backtests", {"workflow": "order-flow"}).json()["id"]
    key = api.post("/keys", {"name": "one", "scopes": ["events:write"]})
    key_path = f"/keys/{key.json()['id']}"
    settings.INTERNAL_URL = http_sink.url  # where tests of webhooks are sent
    webhook = api.post("/webhooks", {"slug": "shop", "auth": "github"})
    hook_path = f"/webhooks/{webhook.json()['id']}"
    bulk = api.post("/runs/bulk", {"action": "retry", "filter": {"status": "failed"}})
    bulk_path = f"/runs/bulk/{bulk.json()['id']}"
    answers = {
        "run_bulks_create": bulk,
        "run_bulks_list": api.get("/runs/bulk"),
        "run_bulks_get": api.get(bulk_path),
        "run_bulk_results_list": api.get(f"{bulk_path}/results"),
        "run_bulk_cancellations_create": api.post(f"{bulk_path}/cancellations"),
        "key_get": api.get("/key"),
        "keys_list": api.get("/keys"),
        "webhooks_create": webhook,
        "webhooks_list": api.get("/webhooks"),
        "webhooks_get": api.get(hook_path),
        "webhooks_change": api.send("PATCH", hook_path, {"event_type": "order.paid"}),
        "webhook_secrets_create": api.post(f"{hook_path}/secrets", {"overlap_seconds": 3600}),
        "webhook_secrets_end_overlap": api.send("DELETE", f"{hook_path}/secrets/previous"),
        "webhook_tests_create": api.post(f"{hook_path}/tests", {"payload": {"id": 7}}),
        "webhook_requests_list": api.get(f"{hook_path}/requests"),
        "webhook_traffic_get": api.get(f"{hook_path}/traffic"),
        "webhooks_delete": api.send("DELETE", hook_path),
        "keys_create": key,
        "keys_get": api.get(key_path),
        "key_rolls_create": api.post(f"{key_path}/rolls", {}),
        "key_revocations_create": api.post(f"{key_path}/revocations", {}),
        "events_feed": api.get("/events/feed", since="24h"),
        "event_stream_tokens_create": api.post("/events/stream-tokens"),
        "workflow_backtest_jobs_list": api.get("/backtests", workflow="order-flow"),
        "workflow_backtest_jobs_create": api.post("/backtests", {"workflow": "order-flow", "max_events": 5}),
        "workflow_backtest_jobs_get": api.get(f"/backtests/{backtest}"),
        "workflow_backtest_cancellations_create": api.post(f"/backtests/{backtest}/cancellations", {}),
        "events_list": api.get("/events"),
        "events_get": api.get(f"/events/{event.pk}", expand="why"),
        "events_send": api.post("/events", {"type": "a", "payload": {}}),
        "runs_list": api.get("/runs"),
        "runs_get": api.get(f"/runs/{run.pk}", expand="event"),
        "workflows_list": api.get("/workflows"),
        "workflows_create": api.post("/workflows", {**DEFINITION, "slug": "another"}),
        "workflows_get": api.get("/workflows/order-flow"),
        "workflows_save_draft": api.send(
            "PUT", "/workflows/another", {**DEFINITION, "slug": "another"}, {"If-Match": "*"}
        ),
        "workflow_versions_list": api.get("/workflows/order-flow/versions"),
        "workflow_versions_publish": api.post("/workflows/another/versions", {}, {"If-Match": "*"}),
        "workflow_versions_get": api.get("/workflows/order-flow/versions/live"),
        "workflow_versions_export": api.get("/workflows/order-flow/versions/1/definition"),
        "workflow_versions_diff": api.get("/workflows/order-flow/versions/diff"),
        "workflow_rollbacks_create": api.post(
            "/workflows/order-flow/rollbacks", {"version_num": 1, "expected_version_num": 1}
        ),
        "workflow_imports_create": api.post(
            "/workflow-imports", {"definitions": [{**DEFINITION, "rule": None}], "dry_run": True}
        ),
        "secrets_create": api.post("/secrets", {"name": "KEY", "value": "first value"}),
        "secrets_get": api.get("/secrets/KEY"),
        "secret_versions_create": api.post("/secrets/KEY/versions", {"value": "second value"}),
        "secret_restorations_create": api.post("/secrets/KEY/restorations"),
        "secrets_change": api.send("PATCH", "/secrets/KEY", {"hosts": ["api.stripe.com"]}),
        "secrets_list": api.get("/secrets"),
        "secrets_delete": api.send("DELETE", "/secrets/KEY"),
        "audit_list": api.get("/audit"),
        "policy_get": api.get("/policy"),
        "policy_save": api.send("PUT", "/policy", {"webhook_rate": 100}, {"If-Match": "*"}),
        "workspace_get": api.get("/workspace"),
        "workspace_exports_create": (made := api.post("/workspace/exports", {})),
        "workspace_exports_list": api.get("/workspace/exports"),
        "workspace_exports_get": api.get(f"/workspace/exports/{made.json()['id']}"),
        "workspace_save": api.send("PATCH", "/workspace", {"timezone": "Europe/Berlin"}),
        "overview_get": api.get("/overview"),
        "views_create": (view := api.post("/views", {"page": "runs", "name": "one"})),
        "views_list": api.get("/views"),
        "views_get": api.get(f"/views/{view.json()['id']}"),
        "views_change": api.send("PATCH", f"/views/{view.json()['id']}", {"name": "two"}),
        "views_delete": api.send("DELETE", f"/views/{view.json()['id']}"),
        "usage_get": api.get("/usage"),
        "usage_alerts_get": api.get("/usage/alerts"),
        "usage_alerts_save": api.send("PUT", "/usage/alerts", {"every": [90]}, {}),
        "usage_days": api.get("/usage/days"),
        "llm_usage_get": api.get("/llm/usage"),
        "llm_calls_list": api.get("/llm/calls"),
        "llm_preferences_get": api.get("/llm/preferences"),
        "llm_preferences_save": api.send(
            "PUT", "/llm/preferences", {"prices": [{"model": "m", "input": 1, "output": 2}]}
        ),
        "policy_previews_create": api.post("/policy-previews", {"webhook_rate": 100}),
        "workflow_validations_create": api.post("/workflow-validations", {**DEFINITION, "steps": []}),
        "workflow_dry_runs_create": api.post(
            "/workflow-dry-runs", {"workflow": "order-flow", "payload": {"total": 200}}
        ),
        "workflow_backtests_create": api.post("/workflow-backtests", {"workflow": "order-flow"}),
        "workflow_rule_evaluations_create": api.post(
            "/rule-evaluations", {"workflow": "order-flow", "payload": {"total": 200}}
        ),
        "workflow_rule_tests_create": api.post(
            "/workflows/order-flow/rule-tests",
            {"name": "large", "payload": {"total": 200}, "expected": True},
            {"If-Match": "*"},
        ),
        "workflow_rule_tests_list": api.get("/workflows/order-flow/rule-tests"),
        "workflow_rule_tests_delete": api.send("DELETE", "/workflows/order-flow/rule-tests/1", None, {"If-Match": "*"}),
        "workflow_runs_create": api.post("/workflows/order-flow/runs", {"payload": {"a": 1}}),
        "schedule_ticks_create": api.post(f"/schedules/{schedule.pk}/ticks", {}),
        "schedule_ticks_list": api.get(f"/schedules/{schedule.pk}/ticks"),
        "schedules_list": api.get("/schedules"),
        "connectors_list": api.get("/connectors"),
        "connectors_get": api.get("/connectors/http"),
        "connector_apis_create": api.post("/connector-apis", {"document": OPENAPI}),
        "connector_apis_list": api.get("/connector-apis"),
        "connector_apis_get": api.get("/connector-apis/made"),
        "connector_apis_delete": api.send("DELETE", "/connector-apis/made", None, {}),
        "connector_tests_create": api.post(
            "/connector-tests", {"connector": "http", "params": {"url": "http://localhost/"}}
        ),
        "connector_steps_create": api.post("/connector-steps", {"curl": "curl https://a.example"}),
        "schedules_get": api.get(f"/schedules/{schedule.pk}"),
        "schedules_change": api.send("PATCH", f"/schedules/{schedule.pk}", {"is_paused": True}, {}),
        "failures_list": api.get("/failures"),
        "failure_groups_list": api.get("/failures/groups"),
        "failure_events_list": api.get("/failures/events"),
        "failure_redrives_create": api.post("/failures/redrives", {"ids": [str(failed.pk)]}),
        "failure_marks_create": api.post(
            "/failures/marks", {"workflow": "order-flow", "fingerprint": failed.error_fingerprint, "owner": None}
        ),
        "failure_dismissals_create": api.post("/failures/dismissals", {"all": True}),
        "run_retries_create": api.post(f"/runs/{run.pk}/retries", {"from": "start"}),
        "run_settlements_create": api.post(f"/runs/{held.pk}/settlements", {"step": "note", "verdict": "happened"}),
        "approvals_list": api.get("/approvals"),
        "run_approvals_create": api.post(f"/runs/{asking.pk}/approvals", {"step": "note", "decision": "approve"}),
        "run_cancellations_create": api.post(f"/runs/{asking.pk}/cancellations", {}),
        "event_replays_create": api.post(f"/events/{event.pk}/replays", {}),
        **notifications(api, rows.tenant),
        **team(api, rows.tenant),
        "halts_get": api.get("/halt"),
        "halts_save": api.send("PUT", "/halt", {"is_halted": True, "reason": "an incident"}),
        "workflow_halts_get": api.get("/workflows/order-flow/halt"),
        "workflow_halts_save": api.send("PUT", "/workflows/order-flow/halt", {"is_halted": False}),
        "workflows_change": api.send("PATCH", "/workflows/another", {"tags": ["a"], "is_enabled": False}, {}),
        "workflow_dependents_get": api.get("/workflows/another/dependents"),
        "workflow_copies_create": (copy := api.post("/workflows/another/copies", {})),
        "workflows_delete": api.send("DELETE", "/workflows/another-copy", None, {}),
        "workflow_trash_list": api.get("/workflow-trash"),
        "workflow_restorations_create": api.post(f"/workflow-trash/{copy.json()['id']}/restorations", {}),
        "workflow_purges_create": purged(api, copy.json()),
        "workflow_templates_list": api.get("/workflow-templates"),
        "workflow_templates_get": api.get("/workflow-templates/order-parcels"),
        "workflow_templates_create_workflow": api.post("/workflow-templates/order-parcels/workflows", {}),
        "workspace_delete": api.post("/workspace/deletions", {"confirm": "alpha"}),  # the last: it stops everything
    }
    assert set(answers) == OPERATION_IDS

    for name, answer in answers.items():
        assert answer.status_code < 300, (name, answer.content)
        described = operations(document)[name]["responses"][str(answer.status_code)]["content"]["application/json"]
        try:
            validator(document, described["schema"]).validate(answer.json())
        except jsonschema.ValidationError as error:
            raise AssertionError(f"{name}: {error.message} at {error.json_path}") from error


@pytest.mark.django_db
def test_the_document_is_served_to_everyone(document: dict[str, Any]) -> None:
    api = Api()
    answer = api.get("/openapi.json")

    assert answer.json() == document
    assert api.get("/openapi.json", headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert api.post("/openapi.json").status_code == 405
