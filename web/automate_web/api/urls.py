"""Every path of the API, relative to `/api/v1/`. Paths have no slash at the end."""

from __future__ import annotations

from django.urls import path

from automate_web.api import audit, events, llm, policy, runs, schedules, schema, secrets, trials, views, workflows

app_name = "api"
urlpatterns = [
    path("openapi.json", schema.serve, name="openapi"),
    path("events", events.Events.as_view(), name="events"),
    path("events/<str:event_id>", events.OneEvent.as_view(), name="event"),
    path("runs", runs.Runs.as_view(), name="runs"),
    path("runs/<str:run_id>", runs.OneRun.as_view(), name="run"),
    path("workflows", workflows.Workflows.as_view(), name="workflows"),
    path("workflows/<str:workflow>", workflows.OneWorkflow.as_view(), name="workflow"),
    path("workflows/<str:workflow>/versions", workflows.Versions.as_view(), name="workflow-versions"),
    path("policy", policy.WorkspacePolicy.as_view(), name="policy"),
    path("policy-previews", policy.PolicyPreviews.as_view(), name="policy-previews"),
    path("secrets", secrets.Secrets.as_view(), name="secrets"),
    path("secrets/<str:secret>", secrets.OneSecret.as_view(), name="secret"),
    path("secrets/<str:secret>/versions", secrets.SecretVersions.as_view(), name="secret-versions"),
    path("secrets/<str:secret>/restorations", secrets.SecretRestorations.as_view(), name="secret-restorations"),
    path("llm/usage", llm.Usage.as_view(), name="llm-usage"),
    path("llm/calls", llm.Calls.as_view(), name="llm-calls"),
    path("llm/preferences", llm.LLMPreferences.as_view(), name="llm-preferences"),
    path("audit", audit.Audit.as_view(), name="audit"),
    path("workflows/<str:workflow>/runs", schedules.WorkflowRuns.as_view(), name="workflow-runs"),
    path("schedules", schedules.Schedules.as_view(), name="schedules"),
    path("schedules/<str:schedule_id>", schedules.OneSchedule.as_view(), name="schedule"),
    path("schedules/<str:schedule_id>/ticks", schedules.Ticks.as_view(), name="schedule-ticks"),
    path("workflow-validations", workflows.Validations.as_view(), name="workflow-validations"),
    path("workflow-dry-runs", trials.DryRuns.as_view(), name="workflow-dry-runs"),
    path("workflow-backtests", trials.Backtests.as_view(), name="workflow-backtests"),
    path("<path:path>", views.unknown_path, name="unknown"),
    path("", views.unknown_path, name="root"),
]
