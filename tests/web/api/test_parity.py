"""Whatever a member does in the portal, a program can do over the API: each POST of the portal has its operation.

Complete by construction: the portal's actions are those of the isolation matrix, which is every URL of the product.
"""

from __future__ import annotations

import json

import pytest

from automate_web.api import schema
from tests.isolation.routes import ROUTES

PERSON = "about a person, not the workspace: who logs in, and what they have seen; a key is no person"
CONFIRMED = "asks the person for the password again: a key has none"


class Except(str):
    """No operation, because of this."""


ACTIONS: dict[str, tuple[str, ...] | Except] = {
    "start/events/": ("events_send",),
    "start/github/": ("webhooks_create",),
    "start/stripe/": ("webhooks_create",),
    "start/email/": Except(PERSON),
    "start/email/letters/": Except(PERSON),
    "start/checklist/": Except(PERSON),
    "start/key-saved/": Except(PERSON),
    "settings/": ("workspace_save",),
    "settings/exports/": ("workspace_exports_create",),
    "settings/deletion/": ("workspace_delete",),
    "settings/second-factor/": Except(CONFIRMED),
    "team/": ("team_invitations_create",),
    "team/tour/": Except(PERSON),
    "team/members/<int:member_id>/role/": ("team_members_change",),
    "team/members/<int:member_id>/remove/": ("team_members_delete",),
    "team/invitations/<int:invitation_id>/letters/": ("team_invitation_letters_create",),
    "team/invitations/<int:invitation_id>/revocations/": ("team_invitation_revocations_create",),
    "events/<uuid:event_id>/raw/": Except(CONFIRMED),
    "events/<uuid:event_id>/replays/": ("event_replays_create",),
    "runs/<uuid:run_id>/retries/": ("run_retries_create",),
    "runs/<uuid:run_id>/attempts/<uuid:step_run_id>/raw/": Except(CONFIRMED),
    "runs/<uuid:run_id>/cancellations/": ("run_cancellations_create",),
    "runs/<uuid:run_id>/settlements/": ("run_settlements_create",),
    "runs/<uuid:run_id>/approvals/": ("run_approvals_create",),
    "runs/bulk/": ("run_bulks_create",),
    "runs/bulk/<uuid:bulk_id>/cancellations/": ("run_bulk_cancellations_create",),
    "failures/redrives/": ("failure_redrives_create",),
    "failures/dismissals/": ("failure_dismissals_create",),
    "failures/marks/": ("failure_marks_create",),
    "failures/events/": ("failure_redrives_create",),
    "workflows/new/": ("workflows_create",),
    "workflows/problems/": ("workflow_validations_create",),
    "workflows/<uuid:workflow_id>/draft/": ("workflows_save_draft",),
    "workflows/<uuid:workflow_id>/versions/": ("workflow_versions_publish",),
    "workflows/<uuid:workflow_id>/rollbacks/": ("workflow_rollbacks_create",),
    "workflows/imports/": ("workflow_imports_create",),
    "connectors/http/curl/": ("connector_steps_create",),
    "connectors/apis/": ("connector_apis_create",),
    "connectors/apis/<slug:api>/removals/": ("connector_apis_delete",),
    "connectors/<slug:code>/tests/": ("connector_tests_create",),
    "notifications/reads/": ("notification_reads_create",),
    "notifications/banners/": Except(PERSON),
    "notifications/settings/": ("notification_preferences_save",),
    "notifications/webhooks/": ("notification_webhooks_create",),
    "notifications/webhooks/<uuid:destination_id>/rolls/": ("notification_webhook_rolls_create",),
    "notifications/webhooks/<uuid:destination_id>/enabled/": ("notification_webhooks_save",),
    "notifications/webhooks/<uuid:destination_id>/removals/": ("notification_webhooks_delete",),
    "notifications/webhooks/<uuid:destination_id>/tests/": ("notification_webhook_tests_create",),
    "notifications/deliveries/<uuid:delivery_id>/redeliveries/": ("notification_redeliveries_create",),
    "workflows/<uuid:workflow_id>/enabled/": ("workflows_change",),
    "workflows/<uuid:workflow_id>/unpublished/": ("workflows_change",),
    "workflows/<uuid:workflow_id>/tags/": ("workflows_change",),
    "workflows/<uuid:workflow_id>/copies/": ("workflow_copies_create",),
    "workflows/<uuid:workflow_id>/removed/": ("workflows_delete", "workflow_restorations_create"),
    "workflows/<uuid:workflow_id>/purges/": ("workflow_purges_create",),
    "workflows/templates/<slug:template>/workflows/": ("workflow_templates_create_workflow",),
    "workflows/<uuid:workflow_id>/runs/": ("workflow_runs_create",),
    "workflows/<uuid:workflow_id>/dry-runs/": ("workflow_dry_runs_create",),
    "workflows/<uuid:workflow_id>/rule-tests/": ("workflow_rule_tests_create",),
    "workflows/<uuid:workflow_id>/rule-tests/removals/": ("workflow_rule_tests_delete",),
    "workflows/<uuid:workflow_id>/rule-evaluations/": ("workflow_rule_evaluations_create",),
    "workflows/<uuid:workflow_id>/backtests/": ("workflow_backtest_jobs_create",),
    "workflows/<uuid:workflow_id>/backtests/<uuid:backtest_id>/cancellations/": (
        "workflow_backtest_cancellations_create",
    ),
    "schedules/<uuid:schedule_id>/ticks/": ("schedule_ticks_create",),
    "schedules/<uuid:schedule_id>/paused/": ("schedules_change",),
    "webhooks/new/": ("webhooks_create",),
    "webhooks/<uuid:endpoint_id>/": ("webhooks_change",),
    "webhooks/<uuid:endpoint_id>/removals/": ("webhooks_delete",),
    "webhooks/<uuid:endpoint_id>/paused/": ("webhooks_change",),
    "webhooks/<uuid:endpoint_id>/secret/": ("webhook_secrets_create",),
    "webhooks/<uuid:endpoint_id>/secret/ended/": ("webhook_secrets_end_overlap",),
    "webhooks/<uuid:endpoint_id>/test/": ("webhook_tests_create",),
    "governance/secrets/": ("secrets_create",),
    "governance/secrets/<str:secret>/": ("secrets_change",),
    "governance/secrets/<str:secret>/rotate/": ("secret_versions_create",),
    "governance/secrets/<str:secret>/restore/": ("secret_restorations_create",),
    "governance/secrets/<str:secret>/delete/": ("secrets_delete",),
    "governance/policies/": ("policy_save", "policy_previews_create"),
    "governance/llm/": ("llm_preferences_save",),
    "governance/kill-switch/": ("halts_save", "workflow_halts_save"),
    "usage/alerts/": ("usage_alerts_save",),
    "views/": ("views_create",),
    "views/<int:view_id>/": ("views_change",),
    "views/<int:view_id>/removals/": ("views_delete",),
    "developers/keys/": ("keys_create",),
    "developers/keys/<int:key_id>/roll/": ("key_rolls_create",),
    "developers/keys/<int:key_id>/revoke/": ("key_revocations_create",),
}


@pytest.fixture(scope="module")
def operations() -> set[str]:
    paths = json.loads(schema.FILE.read_text())["paths"]
    return {operation["operationId"] for methods in paths.values() for operation in methods.values()}


def test_every_action_of_the_portal_is_declared_here() -> None:
    actions = {route.pattern for route in ROUTES if route.where == "workspace" and "POST" in route.needs}

    assert set(ACTIONS) == actions


@pytest.mark.parametrize("pattern", [pattern for pattern, said in ACTIONS.items() if not isinstance(said, Except)])
def test_it_has_an_operation_of_the_api(pattern: str, operations: set[str]) -> None:
    said = ACTIONS[pattern]

    assert said
    assert set(said) <= operations


def test_what_has_none_says_why() -> None:
    assert {said for said in ACTIONS.values() if isinstance(said, Except)} == {PERSON, CONFIRMED}
