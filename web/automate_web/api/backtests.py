"""Backtests in the background: asked for, watched, cancelled. The worker does them; results are kept as runs are."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.dryrun import Backtest
from automate.models import StoredBacktest
from automate.services.backtests import MAX_EVENTS, cancel_backtest, start_backtest
from automate_governance.errors import Invalid
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.serializers import JsonObjectOrNull, Time
from automate_web.api.trials import DEFAULT_SPAN, BacktestShown, NewBacktest, demand_past, tried
from automate_web.api.views import PAGE_PARAMETERS, ApiView, find, read
from automate_web.api.workflows import find_workflow


class NewBacktestJob(NewBacktest):
    """A span of past events, to be tried in the background."""

    max_events = fields.IntegerField(default=MAX_EVENTS, min_value=1, max_value=MAX_EVENTS)


class BacktestJobSummary(fields.Serializer[StoredBacktest]):
    """How far a backtest is."""

    id = fields.UUIDField()
    workflow_id = fields.UUIDField()
    version_num = fields.IntegerField(allow_null=True, help_text="Null: the draft, or a definition that was sent.")
    status = fields.ChoiceField(choices=StoredBacktest.Status.choices)
    since = Time()
    until = Time()
    events_done = fields.SerializerMethodField()
    events_total = fields.IntegerField(help_text="In the span when it was asked for, at most `max_events`.")
    error = JsonObjectOrNull()
    created_by = fields.CharField()
    created_at = Time()
    ended_at = Time(allow_null=True)

    def get_events_done(self, stored: StoredBacktest) -> int:
        return int((stored.result or {}).get("events", 0))


class BacktestJob(BacktestJobSummary):
    """And what was found so far; null before the first slice."""

    result = fields.SerializerMethodField()

    @extend_schema_field(BacktestShown(allow_null=True))
    def get_result(self, stored: StoredBacktest) -> Any:
        return BacktestShown(Backtest.parse(stored.result)).data if stored.result else None


class BacktestJobs(ApiView):
    """`/backtests`"""

    scopes: ClassVar = {"GET": "runs:read", "POST": "workflows:write"}

    @describe(
        "workflow_backtest_jobs_list",
        "List backtests",
        answer=BacktestJobSummary,
        is_list=True,
        missing=True,
        parameters=[query_parameter("workflow", "Of this workflow alone: its id or slug.")],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, "workflow"))
        demand_past(self, {})
        rows: QuerySet[StoredBacktest] = StoredBacktest.objects.defer("definition")
        if named := query.text("workflow"):
            rows = rows.filter(workflow_id=find_workflow(named).pk)
        return self.page(query, rows, BacktestJobSummary)

    @describe(
        "workflow_backtest_jobs_create",
        "Try a workflow over past events, in the background",
        body=NewBacktestJob,
        answer=BacktestJob,
        status=202,
        missing=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        said = read(request, NewBacktestJob)
        demand_past(self, said)
        workflow, version, definition = tried(said)
        if workflow is None:
            raise Invalid("Name the workflow whose past it is compared with.", details={"param": "workflow"})
        now = timezone.now()
        until = said.get("until") or now
        stored = start_backtest(
            workflow_id=workflow.pk,
            definition=definition,
            since=said.get("since") or until - DEFAULT_SPAN,
            until=until,
            version_num=version.version_num if version else None,
            max_events=said["max_events"],
            actor=self.caller.actor,
            now=now,
        )
        location = {"Location": reverse("api:backtest", args=[stored.pk])}
        return Response(BacktestJob(stored).data, status=202, headers=location)


class OneBacktestJob(ApiView):
    """`/backtests/{backtest_id}`"""

    scopes: ClassVar = {"GET": "runs:read"}

    @describe("workflow_backtest_jobs_get", "Get a backtest", answer=BacktestJob, missing=True)
    def get(self, request: Request, backtest_id: str) -> Response:
        Query(request, ())
        demand_past(self, {})
        return Response(BacktestJob(find(StoredBacktest.objects.all(), backtest_id, "Backtest")).data)


class BacktestCancellations(ApiView):
    """`/backtests/{backtest_id}/cancellations`"""

    scopes: ClassVar = {"POST": "workflows:write"}

    @describe(
        "workflow_backtest_cancellations_create", "Cancel a backtest", answer=BacktestJob, missing=True, makes=True
    )
    def post(self, request: Request, backtest_id: str) -> Response:
        Query(request, ())
        demand_past(self, {})
        found = find(StoredBacktest.objects.only("id"), backtest_id, "Backtest")
        stored = cancel_backtest(backtest_id=found.pk, actor=self.caller.actor, now=timezone.now())
        return Response(BacktestJob(stored).data)
