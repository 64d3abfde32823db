"""Every URL of the product, and who may do what there. A URL that is not declared here fails the build.

`where`: `app` exists only outside of workspaces, `both` anywhere and shows nothing of a workspace, `workspace` only
inside one and for its members, `api` for keys, `ticket` inside one for whoever holds a ticket.
`needs`: for each method, the permission (without `automate.`) that a member's role must hold.
`shows`: a member who may GET it sees a canary there; without this, looking for canaries would prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Route:
    pattern: str  # as the URLconf has it
    where: str
    needs: Mapping[str, str] = field(default_factory=dict)
    shows: bool = False
    body: Mapping[str, str] = field(default_factory=dict)  # of a POST that would change something
    of_member: bool = False  # what its address names is one member's own: to another of any role it is not there
    of_release: bool = False  # what its address names is part of this release, and the same in every workspace

    def names_an_object(self, ids: Mapping[str, Any]) -> bool:
        """Whether its address holds the id of something that belongs to one workspace."""
        return address(self, ids) != f"/{self.pattern}" and not self.of_release


ROUTES = [
    # the app's host
    Route("signup/", "app"),
    Route("signup/address/", "app"),
    Route("login/", "app"),
    Route("login/code/", "app"),
    Route("login/passkey/", "app"),
    Route("logout/", "both"),
    Route("left/", "app"),
    Route("inactive/", "app"),
    Route("password/reset/", "app"),
    Route("password/reset/done/", "app"),
    Route("^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$", "app"),
    Route("password/reset/key/done/", "app"),
    Route("confirm-email/", "app"),
    Route(r"^confirm-email/(?P<key>[-:\w]+)/$", "app"),
    Route("account/", "app"),
    Route("account/sessions/ends/", "app"),
    Route("account/email/", "app"),
    Route("account/password/", "app"),
    Route("account/again/", "app"),
    Route("account/again/code/", "app"),
    Route("account/again/passkey/", "app"),
    Route("account/app/", "app"),
    Route("account/app/remove/", "app"),
    Route("account/codes/", "app"),
    Route("account/codes/new/", "app"),
    Route("account/codes/file/", "app"),
    Route("account/passkeys/new/", "app"),
    Route("account/passkeys/<int:pk>/name/", "app"),
    Route("account/passkeys/<int:pk>/remove/", "app"),
    Route("account/factors/", "app"),
    Route("account/passkeys/", "app"),
    Route("account/sessions/", "app"),
    Route("workspaces/", "app"),
    Route("enter/<slug:slug>/", "app"),
    Route("workspaces/invitations/<int:invitation_id>/", "app"),
    Route("workspaces/<slug:slug>/undo/", "app"),
    Route("exports/<str:token>/", "app"),
    Route("invitations/<str:token>/", "app"),
    Route("mailbox/", "app"),
    # both
    Route("theme/", "both"),
    Route("status/", "both"),
    Route("docs/", "both"),
    Route("docs/components/", "both"),
    Route("docs/img/<slug:name>.png", "both"),
    Route("docs/<slug:name>.md", "both"),
    Route("docs/<slug:name>/", "both"),
    # a workspace
    Route("", "workspace", {"GET": "view_members"}),
    Route("handover/", "ticket"),
    Route("visit/", "ticket"),
    Route("leave/", "both"),
    Route(
        "views/",
        "workspace",
        {"POST": "view_workflow"},
        body={"page": "runs", "name": "made", "query": "status=failed"},
    ),
    Route("views/<int:view_id>/", "workspace", {"POST": "view_workflow"}, body={"name": "made", "is_shared": "yes"}),
    Route("views/<int:view_id>/removals/", "workspace", {"POST": "view_workflow"}),
    Route("find/", "workspace", {"GET": "view_members"}),
    Route("live-token/", "workspace", {"GET": "view_event"}),
    Route("start/", "workspace", {"GET": "view_event"}, shows=True),
    Route("start/events/", "workspace", {"POST": "send_event"}),
    Route("start/github/", "workspace", {"POST": "manage_endpoints"}),
    Route("start/stripe/", "workspace", {"POST": "manage_endpoints"}),
    Route("start/email/", "workspace", {"POST": "view_event"}),
    Route("start/email/letters/", "workspace", {"POST": "view_event"}),
    Route("start/checklist/", "workspace", {"POST": "view_event"}, body={"is_shown": "no"}),
    Route("start/key-saved/", "workspace", {"POST": "view_event"}),
    Route(
        "settings/",
        "workspace",
        {"GET": "view_members", "POST": "manage_workspace"},
        body={"name": "Another name", "timezone": "Europe/Vienna"},
    ),
    Route(
        "settings/exports/",
        "workspace",
        {"GET": "export_workspace", "POST": "export_workspace"},
        shows=True,
        body={"raw": ""},
    ),
    Route("settings/exports/<uuid:export_id>/archive.zip", "workspace", {"GET": "export_workspace"}, shows=True),
    Route(
        "settings/deletion/",
        "workspace",
        {"GET": "delete_workspace", "POST": "delete_workspace"},
        body={"confirm": "alpha"},
    ),
    Route("settings/second-factor/", "workspace", {"POST": "require_second_factor"}, body={"is_required": "yes"}),
    Route(
        "team/",
        "workspace",
        {"GET": "view_members", "POST": "manage_members"},
        shows=True,
        body={"emails": "made@example.com", "role": "viewer"},
    ),
    Route("team/tour/", "workspace", {"POST": "view_members"}),
    Route("team/members/<int:member_id>/role/", "workspace", {"POST": "manage_members"}, body={"role": "operator"}),
    Route(
        "team/members/<int:member_id>/remove/",
        "workspace",
        {"GET": "manage_members", "POST": "manage_members"},
        shows=True,
    ),
    Route("team/invitations/<int:invitation_id>/letters/", "workspace", {"POST": "manage_members"}),
    Route("team/invitations/<int:invitation_id>/revocations/", "workspace", {"POST": "manage_members"}),
    Route("events/", "workspace", {"GET": "view_event"}, shows=True),
    Route("events.csv", "workspace", {"GET": "view_event"}, shows=True),
    Route("runs.csv", "workspace", {"GET": "view_run"}, shows=True),
    Route("failures.csv", "workspace", {"GET": "view_run"}, shows=True),
    Route("developers/keys.csv", "workspace", {"GET": "view_keys"}, shows=True),
    Route("team.csv", "workspace", {"GET": "view_members"}, shows=True),
    Route("events/<uuid:event_id>/", "workspace", {"GET": "view_event"}, shows=True),
    Route(
        "events/<uuid:event_id>/raw/",
        "workspace",
        {"GET": "view_raw_payload", "POST": "view_raw_payload"},
        shows=True,
    ),
    Route("events/<uuid:event_id>/payload.json", "workspace", {"GET": "view_event"}, shows=True),
    Route(
        "events/<uuid:event_id>/replays/",
        "workspace",
        {"GET": "replay_event", "POST": "replay_event"},
        shows=True,
        body={"payload": "{}"},
    ),
    Route("runs/", "workspace", {"GET": "view_run"}, shows=True),
    Route(
        "runs/<uuid:run_id>/retries/",
        "workspace",
        {"GET": "control_run", "POST": "control_run"},
        shows=True,
        body={"from": "start"},
    ),
    Route(
        "runs/<uuid:run_id>/attempts/<uuid:step_run_id>/raw/",
        "workspace",
        {"GET": "view_raw_payload", "POST": "view_raw_payload"},
        shows=True,
    ),
    Route("runs/<uuid:run_id>/cancellations/", "workspace", {"GET": "control_run", "POST": "control_run"}, shows=True),
    Route(
        "runs/<uuid:run_id>/settlements/",
        "workspace",
        {"GET": "control_run", "POST": "control_run"},
        shows=True,
        body={"step": "canary", "verdict": "did_not_happen"},
    ),
    Route(
        "runs/<uuid:run_id>/approvals/",
        "workspace",
        {"POST": "view_run"},
        body={"step": "canary", "decision": "approve"},
    ),
    Route("approvals/", "workspace", {"GET": "view_run"}, shows=True),
    Route("failures/", "workspace", {"GET": "view_run"}, shows=True),
    Route("failures/runs/", "workspace", {"GET": "view_run"}, shows=True),
    Route("failures/redrives/", "workspace", {"GET": "control_run", "POST": "control_run"}),
    Route("failures/dismissals/", "workspace", {"POST": "control_run"}),
    Route("failures/marks/", "workspace", {"POST": "control_run"}, body={"workflow": "canary-flow", "mute": "1"}),
    Route("failures/events/", "workspace", {"POST": "control_run"}),
    Route("runs/bulk/", "workspace", {"GET": "control_run", "POST": "control_run"}, body={"action": "retry"}),
    Route("runs/bulk/<uuid:bulk_id>/", "workspace", {"GET": "view_run"}, shows=True),
    Route("runs/bulk/<uuid:bulk_id>/cancellations/", "workspace", {"POST": "control_run"}),
    Route("runs/<uuid:run_id>/", "workspace", {"GET": "view_run"}, shows=True),
    Route(
        "runs/<uuid:run_id>/attempts/<uuid:step_run_id>/<slug:part>.json", "workspace", {"GET": "view_run"}, shows=True
    ),
    Route("workflows/", "workspace", {"GET": "view_workflow"}, shows=True),
    Route("workflows.csv", "workspace", {"GET": "view_workflow"}, shows=True),
    Route("workflows/templates/", "workspace", {"GET": "view_workflow"}),
    Route("workflows/templates/<slug:template>/", "workspace", {"GET": "view_workflow"}, of_release=True),
    Route("workflows/templates/<slug:template>/workflows/", "workspace", {"POST": "change_workflow"}, of_release=True),
    Route("workflows/trash/", "workspace", {"GET": "view_workflow"}),
    Route(
        "workflows/<uuid:workflow_id>/purges/",
        "workspace",
        {"GET": "change_workflow", "POST": "change_workflow"},
        shows=True,
        body={"name": "canary"},
    ),
    Route(
        "workflows/<uuid:workflow_id>/unpublished/",
        "workspace",
        {"POST": "publish_workflow"},
        body={"is_unpublished": "yes"},
    ),
    Route("workflows/<uuid:workflow_id>/tags/", "workspace", {"POST": "change_workflow"}, body={"tags": "made"}),
    Route("workflows/<uuid:workflow_id>/copies/", "workspace", {"POST": "change_workflow"}),
    Route("workflows/<uuid:workflow_id>/draft.json", "workspace", {"GET": "view_workflow"}, shows=True),
    Route(
        "workflows/new/",
        "workspace",
        {"GET": "view_workflow", "POST": "change_workflow"},
        body={"definition": '{"slug": "made", "name": "Made", "trigger": {}, "steps": []}'},
    ),
    Route("workflows/problems/", "workspace", {"POST": "view_workflow"}, body={"definition": "{}"}),
    Route("workflows/<uuid:workflow_id>/", "workspace", {"GET": "view_workflow"}, shows=True),
    Route(
        "workflows/<uuid:workflow_id>/draft/",
        "workspace",
        {"POST": "change_workflow"},
        body={"definition": "{}", "revision": "1"},
    ),
    Route(
        "workflows/<uuid:workflow_id>/versions/",
        "workspace",
        {"GET": "view_workflow", "POST": "publish_workflow"},
        shows=True,
        body={"definition": "{}", "revision": "1"},
    ),
    Route(
        "workflows/<uuid:workflow_id>/versions/<int:version_num>/", "workspace", {"GET": "view_workflow"}, shows=True
    ),
    Route("workflows/<uuid:workflow_id>/versions/compare/", "workspace", {"GET": "view_workflow"}, shows=True),
    Route(
        "workflows/<uuid:workflow_id>/versions/<int:version_num>.json",
        "workspace",
        {"GET": "view_workflow"},
        shows=True,
    ),
    Route(
        "workflows/<uuid:workflow_id>/rollbacks/",
        "workspace",
        {"GET": "publish_workflow", "POST": "publish_workflow"},
        body={"to": "1", "expected": "1"},
    ),
    Route(
        "workflows/imports/",
        "workspace",
        {"GET": "change_workflow", "POST": "change_workflow"},
        body={"text": "[]"},
    ),
    Route(
        "workflows/<uuid:workflow_id>/enabled/", "workspace", {"POST": "publish_workflow"}, body={"is_enabled": "no"}
    ),
    Route(
        "workflows/<uuid:workflow_id>/runs/",
        "workspace",
        {"GET": "run_workflow", "POST": "run_workflow"},
        shows=True,
        body={"payload": "{}"},
    ),
    Route(
        "workflows/<uuid:workflow_id>/dry-runs/",
        "workspace",
        {"GET": "view_workflow", "POST": "change_workflow"},
        shows=True,
        body={"payload": "{}"},
    ),
    Route(
        "workflows/<uuid:workflow_id>/rule-tests/",
        "workspace",
        {"GET": "view_workflow", "POST": "change_workflow"},
        shows=True,
        body={"name": "made", "expected": "no", "payload": "{}", "revision": "1"},
    ),
    Route(
        "workflows/<uuid:workflow_id>/rule-tests/removals/",
        "workspace",
        {"POST": "change_workflow"},
        body={"case": "1", "revision": "1"},
    ),
    Route(
        "workflows/<uuid:workflow_id>/rule-evaluations/", "workspace", {"POST": "view_workflow"}, body={"payload": "{}"}
    ),
    Route("workflows/<uuid:workflow_id>/backtests/", "workspace", {"POST": "change_workflow"}, body={"days": "1"}),
    Route(
        "workflows/<uuid:workflow_id>/backtests/<uuid:backtest_id>/", "workspace", {"GET": "view_workflow"}, shows=True
    ),
    Route(
        "workflows/<uuid:workflow_id>/backtests/<uuid:backtest_id>/cancellations/",
        "workspace",
        {"POST": "change_workflow"},
    ),
    Route("connectors/", "workspace", {"GET": "view_workflow"}),
    Route("connectors/http/curl/", "workspace", {"POST": "view_workflow"}, body={"command": "curl https://a.example"}),
    Route("connectors/<str:code>/", "workspace", {"GET": "view_workflow"}, of_release=True),
    Route("schedules/", "workspace", {"GET": "view_workflow"}, shows=True),
    Route("schedules/<uuid:schedule_id>/", "workspace", {"GET": "view_workflow"}, shows=True),
    Route("schedules/<uuid:schedule_id>/ticks/", "workspace", {"POST": "run_workflow"}),
    Route("schedules/<uuid:schedule_id>/paused/", "workspace", {"POST": "change_schedule"}, body={"is_paused": "yes"}),
    Route(
        "workflows/<uuid:workflow_id>/removed/",
        "workspace",
        {"GET": "change_workflow", "POST": "change_workflow"},
        shows=True,
        body={"is_removed": "yes"},
    ),
    Route("webhooks/", "workspace", {"GET": "view_event"}, shows=True),
    Route(
        "webhooks/new/",
        "workspace",
        {"GET": "manage_endpoints", "POST": "manage_endpoints"},
        body={"slug": "made", "auth": "none", "event_type": "made"},
    ),
    Route(
        "webhooks/<uuid:endpoint_id>/",
        "workspace",
        {"GET": "view_event", "POST": "manage_endpoints"},
        shows=True,
        body={"auth": "none", "event_type": "changed"},
    ),
    Route("webhooks/<uuid:endpoint_id>/paused/", "workspace", {"POST": "manage_endpoints"}, body={"is_paused": "yes"}),
    Route(
        "webhooks/<uuid:endpoint_id>/secret/",
        "workspace",
        {"GET": "manage_endpoints", "POST": "manage_endpoints"},
        shows=True,
        body={"overlap": "0"},
    ),
    Route("webhooks/<uuid:endpoint_id>/secret/ended/", "workspace", {"POST": "manage_endpoints"}),
    Route(
        "webhooks/<uuid:endpoint_id>/test/",
        "workspace",
        {"GET": "manage_endpoints", "POST": "manage_endpoints"},
        shows=True,
        body={"payload": "{}"},
    ),
    Route("governance/", "workspace"),
    Route(
        "governance/secrets/",
        "workspace",
        {"GET": "view_secrets", "POST": "manage_secrets"},
        shows=True,
        body={"name": "MADE", "value": "made value"},
    ),
    Route(
        "governance/secrets/<str:secret>/",
        "workspace",
        {"GET": "view_secrets", "POST": "manage_secrets"},
        shows=True,
        body={"hosts": "example.com", "note": "changed"},
    ),
    Route(
        "governance/secrets/<str:secret>/rotate/",
        "workspace",
        {"GET": "manage_secrets", "POST": "manage_secrets"},
        body={"value": "another value"},
    ),
    Route(
        "governance/secrets/<str:secret>/restore/",
        "workspace",
        {"GET": "manage_secrets", "POST": "manage_secrets"},
    ),
    Route(
        "governance/secrets/<str:secret>/delete/",
        "workspace",
        {"GET": "manage_secrets", "POST": "manage_secrets"},
    ),
    Route(
        "governance/policies/",
        "workspace",
        {"GET": "view_policy", "POST": "manage_policy"},
        shows=True,
        body={"webhook_rate": "5", "revision": "1"},
    ),
    Route(
        "governance/llm/",
        "workspace",
        {"GET": "view_policy", "POST": "manage_policy"},
        shows=True,
        body={"prices": '[{"model": "m", "input": 1, "output": 1}]'},
    ),
    Route(
        "governance/kill-switch/",
        "workspace",
        {"GET": "view_workflow", "POST": "pause_engine"},
        shows=True,
        body={"is_halted": "yes", "reason": "canary"},
    ),
    Route("notifications/", "workspace", {"GET": "view_members"}, shows=True),
    Route("notifications/<int:notification_id>/", "workspace", {"GET": "view_members"}),
    Route("notifications/reads/", "workspace", {"POST": "view_members"}, body={"all": "yes"}),
    Route("notifications/banners/", "workspace", {"POST": "view_members"}, body={"key": "banner:paused"}),
    Route(
        "notifications/settings/",
        "workspace",
        {"GET": "view_members", "POST": "view_members"},
        shows=True,
        body={"on": "usage.email"},
    ),
    Route("notifications/webhooks/", "workspace", {"POST": "view_members"}, body={"url": "https://made.example.com/"}),
    Route(
        "notifications/webhooks/<uuid:destination_id>/",
        "workspace",
        {"GET": "view_members"},
        shows=True,
        of_member=True,
    ),
    Route("notifications/webhooks/<uuid:destination_id>/rolls/", "workspace", {"POST": "view_members"}, of_member=True),
    Route(
        "notifications/webhooks/<uuid:destination_id>/enabled/", "workspace", {"POST": "view_members"}, of_member=True
    ),
    Route(
        "notifications/webhooks/<uuid:destination_id>/removals/", "workspace", {"POST": "view_members"}, of_member=True
    ),
    Route("notifications/webhooks/<uuid:destination_id>/tests/", "workspace", {"POST": "view_members"}, of_member=True),
    Route(
        "notifications/deliveries/<uuid:delivery_id>/redeliveries/",
        "workspace",
        {"POST": "view_members"},
        of_member=True,
    ),
    Route("usage/", "workspace", {"GET": "view_billing"}, shows=True),
    Route("usage.csv", "workspace", {"GET": "view_billing"}, shows=True),
    Route("governance/audit/", "workspace", {"GET": "view_audit"}, shows=True),
    Route("governance/audit.csv", "workspace", {"GET": "view_audit"}, shows=True),
    Route("governance/audit.jsonl", "workspace", {"GET": "view_audit"}, shows=True),
    Route("developers/", "workspace"),
    Route(
        "developers/keys/",
        "workspace",
        {"GET": "view_keys", "POST": "manage_keys"},
        shows=True,
        body={"name": "made", "scopes": "events:write"},
    ),
    Route("developers/keys/<int:key_id>/", "workspace", {"GET": "manage_keys"}, shows=True),
    Route(
        "developers/keys/<int:key_id>/roll/",
        "workspace",
        {"GET": "manage_keys", "POST": "manage_keys"},
        shows=True,
        body={"overlap": "0"},
    ),
    Route(
        "developers/keys/<int:key_id>/revoke/",
        "workspace",
        {"GET": "manage_keys", "POST": "manage_keys"},
        shows=True,
        body={"name": "canary key"},
    ),
    # the API; `needs` are scopes
    Route("api/v1/openapi.json", "both"),
    Route("api/v1/events", "api", {"GET": "events:read", "POST": "events:write"}, shows=True),
    Route("api/v1/events/feed", "api", {"GET": "events:read"}),
    Route("api/v1/events/stream-tokens", "api", {"POST": "events:read"}),
    Route("api/v1/key", "api", {"GET": ""}, shows=True),
    Route("api/v1/webhooks", "api", {"GET": "webhooks:read", "POST": "webhooks:write"}, shows=True),
    Route("api/v1/webhooks/<str:webhook_id>", "api", {"GET": "webhooks:read", "PATCH": "webhooks:write"}, shows=True),
    Route("api/v1/webhooks/<str:webhook_id>/secrets", "api", {"POST": "webhooks:write"}),
    Route("api/v1/webhooks/<str:webhook_id>/secrets/previous", "api", {"DELETE": "webhooks:write"}),
    Route("api/v1/webhooks/<str:webhook_id>/tests", "api", {"POST": "webhooks:write"}),
    Route("api/v1/webhooks/<str:webhook_id>/requests", "api", {"GET": "webhooks:read"}, shows=True),
    Route("api/v1/webhooks/<str:webhook_id>/traffic", "api", {"GET": "webhooks:read"}),
    Route("api/v1/keys", "api", {"GET": "keys:read", "POST": "keys:write"}, shows=True),
    Route("api/v1/keys/<str:key_id>", "api", {"GET": "keys:read"}, shows=True),
    Route("api/v1/keys/<str:key_id>/rolls", "api", {"POST": "keys:write"}),
    Route("api/v1/keys/<str:key_id>/revocations", "api", {"POST": "keys:write"}),
    Route("api/v1/events/<str:event_id>", "api", {"GET": "events:read"}, shows=True),
    Route("api/v1/events/<str:event_id>/replays", "api", {"POST": "events:write"}),
    Route("api/v1/runs", "api", {"GET": "runs:read"}, shows=True),
    Route("api/v1/runs/bulk", "api", {"GET": "runs:read", "POST": "runs:write"}, shows=True),
    Route("api/v1/runs/bulk/<str:bulk_id>", "api", {"GET": "runs:read"}, shows=True),
    Route("api/v1/runs/bulk/<str:bulk_id>/results", "api", {"GET": "runs:read"}, shows=True),
    Route("api/v1/runs/bulk/<str:bulk_id>/cancellations", "api", {"POST": "runs:write"}),
    Route("api/v1/runs/<str:run_id>", "api", {"GET": "runs:read"}, shows=True),
    Route("api/v1/runs/<str:run_id>/retries", "api", {"POST": "runs:write"}),
    Route("api/v1/runs/<str:run_id>/cancellations", "api", {"POST": "runs:write"}),
    Route("api/v1/runs/<str:run_id>/settlements", "api", {"POST": "runs:write"}),
    Route("api/v1/runs/<str:run_id>/approvals", "api", {"POST": "runs:write"}),
    Route("api/v1/approvals", "api", {"GET": "runs:read"}, shows=True),
    Route("api/v1/failures", "api", {"GET": "runs:read"}, shows=True),
    Route("api/v1/failures/groups", "api", {"GET": "runs:read"}, shows=True),
    Route("api/v1/failures/events", "api", {"GET": "runs:read"}, shows=True),
    Route("api/v1/failures/redrives", "api", {"POST": "runs:write"}),
    Route("api/v1/failures/marks", "api", {"POST": "runs:write"}),
    Route("api/v1/failures/dismissals", "api", {"POST": "runs:write"}),
    Route("api/v1/notifications", "api", {"GET": "notifications:read"}, shows=True),
    Route("api/v1/notifications/reads", "api", {"POST": "notifications:write"}),
    Route("api/v1/notifications/preferences", "api", {"GET": "notifications:read", "PUT": "notifications:write"}),
    Route(
        "api/v1/notifications/webhooks",
        "api",
        {"GET": "notifications:read", "POST": "notifications:write"},
        shows=True,
    ),
    Route(
        "api/v1/notifications/webhooks/<str:destination_id>",
        "api",
        {"GET": "notifications:read", "PUT": "notifications:write", "DELETE": "notifications:write"},
        shows=True,
    ),
    Route("api/v1/notifications/webhooks/<str:destination_id>/rolls", "api", {"POST": "notifications:write"}),
    Route("api/v1/notifications/webhooks/<str:destination_id>/tests", "api", {"POST": "notifications:write"}),
    Route("api/v1/notifications/deliveries", "api", {"GET": "notifications:read"}, shows=True),
    Route("api/v1/notifications/deliveries/<str:delivery_id>/redeliveries", "api", {"POST": "notifications:write"}),
    Route(
        "api/v1/notifications/<str:notification_id>",
        "api",
        {"GET": "notifications:read", "PUT": "notifications:write"},
        shows=True,
    ),
    Route("api/v1/halt", "api", {"GET": "workflows:read", "PUT": "workflows:publish"}),
    Route("api/v1/workflows/<str:workflow>/halt", "api", {"GET": "workflows:read", "PUT": "workflows:publish"}),
    Route("api/v1/workflows", "api", {"GET": "workflows:read", "POST": "workflows:write"}, shows=True),
    Route(
        "api/v1/workflows/<str:workflow>",
        "api",
        {
            "GET": "workflows:read",
            "PUT": "workflows:write",
            "PATCH": "workflows:write",
            "DELETE": "workflows:write",
        },
        shows=True,
    ),
    Route("api/v1/workflows/<str:workflow>/dependents", "api", {"GET": "workflows:read"}),
    Route("api/v1/workflows/<str:workflow>/copies", "api", {"POST": "workflows:write"}),
    Route("api/v1/workflow-trash", "api", {"GET": "workflows:read"}),
    Route("api/v1/workflow-trash/<str:workflow_id>/restorations", "api", {"POST": "workflows:write"}),
    Route("api/v1/workflow-trash/<str:workflow_id>/purges", "api", {"POST": "workflows:write"}),
    Route("api/v1/workflow-templates", "api", {"GET": "workflows:read"}),
    Route("api/v1/workflow-templates/<str:template>", "api", {"GET": "workflows:read"}, of_release=True),
    Route("api/v1/workflow-templates/<str:template>/workflows", "api", {"POST": "workflows:write"}, of_release=True),
    Route(
        "api/v1/workflows/<str:workflow>/versions",
        "api",
        {"GET": "workflows:read", "POST": "workflows:publish"},
        shows=True,
    ),
    Route("api/v1/workflows/<str:workflow>/versions/diff", "api", {"GET": "workflows:read"}),
    Route("api/v1/workflows/<str:workflow>/versions/<str:version>", "api", {"GET": "workflows:read"}, shows=True),
    Route(
        "api/v1/workflows/<str:workflow>/versions/<str:version>/definition",
        "api",
        {"GET": "workflows:read"},
        shows=True,
    ),
    Route("api/v1/workflows/<str:workflow>/rollbacks", "api", {"POST": "workflows:publish"}),
    Route("api/v1/workflow-imports", "api", {"POST": "workflows:write"}),
    Route("api/v1/policy", "api", {"GET": "policy:read", "PUT": "policy:write"}, shows=True),
    Route("api/v1/policy-previews", "api", {"POST": "policy:read"}),
    Route("api/v1/secrets", "api", {"GET": "secrets:read", "POST": "secrets:write"}, shows=True),
    Route(
        "api/v1/secrets/<str:secret>",
        "api",
        {"GET": "secrets:read", "PATCH": "secrets:write", "DELETE": "secrets:write"},
        shows=True,
    ),
    Route("api/v1/secrets/<str:secret>/versions", "api", {"POST": "secrets:write"}),
    Route("api/v1/secrets/<str:secret>/restorations", "api", {"POST": "secrets:write"}),
    Route("api/v1/llm/usage", "api", {"GET": "policy:read"}, shows=True),
    Route("api/v1/llm/calls", "api", {"GET": "policy:read"}, shows=True),
    Route("api/v1/llm/preferences", "api", {"GET": "policy:read", "PUT": "policy:write"}, shows=True),
    Route("api/v1/views", "api", {"GET": "runs:read", "POST": "runs:write"}, shows=True),
    Route(
        "api/v1/views/<str:view_id>",
        "api",
        {"GET": "runs:read", "PATCH": "runs:write", "DELETE": "runs:write"},
        shows=True,
    ),
    Route("api/v1/overview", "api", {"GET": "runs:read"}),
    Route("api/v1/usage", "api", {"GET": "usage:read"}),
    Route("api/v1/usage/days", "api", {"GET": "usage:read"}, shows=True),
    Route("api/v1/audit", "api", {"GET": "audit:read"}, shows=True),
    Route("api/v1/workflows/<str:workflow>/runs", "api", {"POST": "runs:write"}),
    Route("api/v1/connectors", "api", {"GET": "workflows:read"}),
    Route("api/v1/connectors/<str:connector>", "api", {"GET": "workflows:read"}, of_release=True),
    Route("api/v1/connector-steps", "api", {"POST": "workflows:read"}),
    Route("api/v1/schedules", "api", {"GET": "workflows:read"}, shows=True),
    Route(
        "api/v1/schedules/<str:schedule_id>", "api", {"GET": "workflows:read", "PATCH": "workflows:publish"}, shows=True
    ),
    Route(
        "api/v1/schedules/<str:schedule_id>/ticks", "api", {"GET": "workflows:read", "POST": "runs:write"}, shows=True
    ),
    Route("api/v1/workspace/exports", "api", {"GET": "workspace:export", "POST": "workspace:export"}, shows=True),
    Route("api/v1/workspace/exports/<str:export_id>", "api", {"GET": "workspace:export"}, shows=True),
    Route("api/v1/workspace/deletions", "api", {"POST": "workspace:delete"}),
    Route("api/v1/workspace", "api", {"GET": "policy:read", "PATCH": "policy:write"}),
    Route("api/v1/workflow-validations", "api", {"POST": "workflows:read"}),
    Route(
        "api/v1/workflows/<str:workflow>/rule-tests",
        "api",
        {"GET": "workflows:read", "POST": "workflows:write"},
        shows=True,
    ),
    Route("api/v1/workflows/<str:workflow>/rule-tests/<int:number>", "api", {"DELETE": "workflows:write"}),
    Route("api/v1/rule-evaluations", "api", {"POST": "workflows:read"}),
    Route("api/v1/workflow-dry-runs", "api", {"POST": "workflows:read"}),
    Route("api/v1/workflow-backtests", "api", {"POST": "workflows:read"}),
    Route("api/v1/backtests", "api", {"GET": "runs:read", "POST": "workflows:write"}, shows=True),
    Route("api/v1/backtests/<str:backtest_id>", "api", {"GET": "runs:read"}, shows=True),
    Route("api/v1/backtests/<str:backtest_id>/cancellations", "api", {"POST": "workflows:write"}),
    Route("api/v1/", "both"),
    Route("api/v1/<path:path>", "both"),
    Route("^api(?:/(?P<path>.*))?$", "both"),
]
GATEWAY_PATHS = {
    "/hooks/",
    "/live/",
    "/live",
    "/echo",
    "/healthz",
    "/readyz",
}  # answered in front of Django; see test_gateway


def walked() -> list[str]:
    """Every pattern of the URLconf, as one text each."""
    return [pattern for pattern, _ in _walk(get_resolver(), "")]


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        text = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, text)
        else:
            yield text, entry


def address(route: Route, ids: Mapping[str, Any]) -> str:
    """The path of the route with these objects' ids in it, starting with `/`."""
    path = route.pattern
    if path.startswith("^"):
        path = {
            "^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "password/reset/key/1-set-password/",
            r"^confirm-email/(?P<key>[-:\w]+)/$": "confirm-email/abc/",
            "^api(?:/(?P<path>.*))?$": "api/v2/events",
        }[path]
    for name, value in ids.items():
        for converter in ("uuid", "int", "str", "slug", "path"):
            path = path.replace(f"<{converter}:{name}>", str(value))
    assert "<" not in path, f"{path}: say in the matrix which object is meant"
    return f"/{path}"
