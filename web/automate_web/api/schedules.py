"""Schedules: what is due when, what became of each due time; run one now, pause it. And a run of a workflow by hand."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import Schedule, ScheduleTick
from automate.services.manual import start_by_hand
from automate.triggers import overview, schedules
from automate_web.api.documentation import describe
from automate_web.api.query import Query
from automate_web.api.serializers import Input, JsonObject, Time, TraceId, WorkflowRef
from automate_web.api.views import PAGE_PARAMETERS, ApiView, find, read
from automate_web.api.workflows import find_workflow
from automate_web.cursor import Page, paginate


class Tick(fields.Serializer[ScheduleTick]):
    """What became of one due time, or of `count` due times up to `until_at`."""

    id = fields.IntegerField()
    due_at = Time()
    until_at = Time(allow_null=True)
    count = fields.IntegerField()
    outcome = fields.CharField(help_text="`fired`, `caught_up`, `skipped`, `queued`, `manual` or `failed`.")
    reason = fields.CharField(help_text="In words.")
    event_id = fields.UUIDField(allow_null=True, help_text="The event it made.")
    trace_id = TraceId(allow_null=True)
    decided_at = Time()


class ScheduleShown(fields.Serializer[overview.Shown]):
    """When a workflow is due. `state` is `disabled` while its workflow is not live or starts on something else."""

    id = fields.UUIDField(source="schedule.pk")
    workflow = WorkflowRef()
    kind = fields.ChoiceField(choices=Schedule.Kind.choices, source="schedule.kind")
    state = fields.CharField(help_text="`active`, `paused` or `disabled`.")
    words = fields.CharField(help_text="When it is due, in words.")
    trigger = JsonObject(source="schedule.spec", help_text="As it was published: cron, timezone, catch_up, overlap…")
    upcoming = fields.ListField(child=Time(), help_text="The next due times, at most 5.")
    latest_tick = fields.SerializerMethodField()

    @extend_schema_field(Tick(allow_null=True))
    def get_latest_tick(self, shown: overview.Shown) -> Any:
        return Tick(shown.latest).data if shown.latest else None


class ScheduleChange(Input):
    """What may be changed of a schedule; the rest is in its workflow's definition."""

    is_paused = fields.BooleanField(help_text="A paused schedule is not due; resumed, it goes on from then.")


class NewTick(Input):
    """Nothing needs to be said."""


class NewRun(Input):
    """What the run gets as its payload."""

    payload = JsonObject(required=False, default=dict, help_text="A JSON object.")

    def validate_payload(self, payload: Any) -> Any:
        if not isinstance(payload, dict):
            raise fields.ValidationError("This must be a JSON object.", code="not_an_object")
        return payload


class StartedRun(fields.Serializer[Any]):
    """The run is stored and will be carried out."""

    run_id = fields.UUIDField()


class Schedules(ApiView):
    """`/schedules`"""

    scopes: ClassVar = {"GET": "workflows:read"}

    @describe("schedules_list", "List schedules", answer=ScheduleShown, is_list=True)
    def get(self, request: Request) -> Response:
        query = Query(request, PAGE_PARAMETERS)
        page = paginate(overview.schedule_rows(), query.cursor, query.limit, query.order())
        shown: Page[Any] = Page(
            overview.shown(page.results, now=timezone.now()), page.next_cursor, page.previous_cursor
        )
        return self.envelope(shown, ScheduleShown)


class OneSchedule(ApiView):
    """`/schedules/{schedule_id}`"""

    scopes: ClassVar = {"GET": "workflows:read", "PATCH": "workflows:publish"}

    @describe("schedules_get", "Get a schedule", answer=ScheduleShown, missing=True)
    def get(self, request: Request, schedule_id: str) -> Response:
        Query(request, ())
        return Response(_shown(schedule_id))

    @describe("schedules_change", "Pause or resume a schedule", body=ScheduleChange, answer=ScheduleShown, missing=True)
    def patch(self, request: Request, schedule_id: str) -> Response:
        Query(request, ())
        found = find(Schedule.objects.all(), schedule_id, "Schedule")
        change = read(request, ScheduleChange)
        schedules.set_paused(
            schedule_id=found.pk,
            is_paused=change["is_paused"],
            actor=self.caller.actor,
            now=timezone.now(),
        )
        return Response(_shown(schedule_id))


class Ticks(ApiView):
    """`/schedules/{schedule_id}/ticks`"""

    scopes: ClassVar = {"GET": "workflows:read", "POST": "runs:write"}

    @describe("schedule_ticks_list", "List what became of due times", answer=Tick, is_list=True, missing=True)
    def get(self, request: Request, schedule_id: str) -> Response:
        query = Query(request, PAGE_PARAMETERS)
        found = find(Schedule.objects.all(), schedule_id, "Schedule")
        return self.page(query, ScheduleTick.objects.filter(schedule_id=found.pk), Tick)

    @describe(
        "schedule_ticks_create",
        "Run a schedule now",
        body=NewTick,
        answer=Tick,
        status=201,
        missing=True,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request, schedule_id: str) -> Response:
        Query(request, ())
        found = find(Schedule.objects.all(), schedule_id, "Schedule")
        read(request, NewTick)
        tick = schedules.run_now(schedule_id=found.pk, actor=self.caller.actor, now=timezone.now())
        return Response(Tick(tick).data, status=201)


class WorkflowRuns(ApiView):
    """`/workflows/{workflow}/runs`"""

    scopes: ClassVar = {"POST": "runs:write"}

    @describe(
        "workflow_runs_create",
        "Run a workflow by hand",
        body=NewRun,
        answer=StartedRun,
        status=201,
        missing=True,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        found = find_workflow(workflow)
        new = read(request, NewRun)
        run_id = start_by_hand(slug=found.slug, payload=new["payload"], actor=self.caller.actor)
        return Response(StartedRun({"run_id": run_id}).data, status=201)


def _shown(schedule_id: str) -> Any:
    found = find(overview.schedule_rows(), schedule_id, "Schedule")
    return ScheduleShown(overview.shown([found], now=timezone.now())[0]).data
