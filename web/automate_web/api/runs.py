"""Runs: list them, see one with every attempt of its steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from automate.execution.states import FINAL_RUN
from automate.models import Event, ExecutionRun, RunWait, StepRun, Workflow
from automate.services.why_waits import why_waits
from automate_web.api import serializers
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.filters import TRACE_AND_TIME, narrow, trace_and_time
from automate_web.api.query import Query, parse_uuid
from automate_web.api.rows import event_rows, run_rows
from automate_web.api.views import PAGE_PARAMETERS, ApiView, find
from automate_web.run_family import MOST
from automate_web.run_steps import standing, steps_of, waits_for

STATUSES = [str(status) for status in ExecutionRun.Status.values]


class Runs(ApiView):
    """`/runs`"""

    scopes: ClassVar = {"GET": "runs:read"}

    @describe(
        "runs_list",
        "List runs",
        answer=serializers.RunSummary,
        is_list=True,
        parameters=[
            query_parameter("status", "One or more of " + ", ".join(STATUSES) + ", separated by commas."),
            query_parameter("workflow", "Of this workflow: its id or slug."),
            query_parameter("event_id", "Made by this event."),
            query_parameter("type", "Started by an event of exactly this type."),
            query_parameter("q", "With this text in their workflow's slug."),
            *trace_and_time(
                "Every run of one trace.",
                "Whose event was received at or after this time (RFC 3339, or a span back such as `24h`).",
                "Whose event was received before this time (RFC 3339, or a span back such as `24h`).",
            ),
        ],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, "status", "workflow", "event_id", "type", "q", *TRACE_AND_TIME))
        rows = run_rows()
        if statuses := query.choices("status", STATUSES):
            rows = rows.filter(status__in=statuses)
        if workflow := query.text("workflow"):
            rows = _of_workflow(rows, workflow)
        if event_type := query.text("type"):
            rows = rows.filter(Exists(Event.objects.filter(pk=OuterRef("event_id"), type=event_type)))
        if text := query.text("q"):
            rows = rows.filter(workflow_id__in=Workflow.objects.filter(slug__contains=text).values("pk"))
        return self.page(query, narrow(rows, query, ids=("event_id",)), serializers.RunSummary)


class OneRun(ApiView):
    """`/runs/{run_id}`"""

    scopes: ClassVar = {"GET": "runs:read"}

    @describe(
        "runs_get",
        "Get a run",
        answer=serializers.RunDetail,
        missing=True,
        parameters=[
            query_parameter(
                "expand", "`event`: with the event that started it. `steps` are always there.", enum=["event", "steps"]
            )
        ],
    )
    def get(self, request: Request, run_id: str) -> Response:
        expand = Query(request, ("expand",)).choices("expand", ["event", "steps"])
        run = find(with_family(ExecutionRun.objects.select_related("version__workflow")), run_id, "Run")
        context = run_context(run)
        if "event" in expand:
            context["event"] = event_rows().filter(pk=run.event_id).first()
        return Response(serializers.RunDetail(run, context=context).data)


def with_family(runs: QuerySet[ExecutionRun]) -> QuerySet[Any]:
    """With the ids of each run's retries and children, oldest first, in the same statement."""
    others = ExecutionRun.objects.order_by("created_at", "pk").values("pk")
    return runs.annotate(
        retry_ids=ArraySubquery(others.filter(retry_of=OuterRef("pk"))[:MOST]),
        child_ids=ArraySubquery(others.filter(parent_run_id=OuterRef("pk"))[:MOST]),
    )


def run_context(run: Any) -> dict[str, Any]:
    """What `RunDetail` says beside the run's own row, which comes `with_family`."""
    attempts = list(StepRun.objects.filter(run_id=run.pk).order_by("position", "item", "round", "attempt"))
    open_waits = RunWait.objects.none() if run.status in FINAL_RUN else RunWait.objects.filter(status="open")
    waits = {(w.step_id, w.item): w for w in open_waits.filter(run_id=run.pk)}
    return {
        "steps": steps_with_attempts(steps_of(run.version, attempts), attempts, waits),
        "waits": sorted(waits.values(), key=lambda wait: (wait.created_at, wait.item)),
        "queue": why_waits(run),
        "retries": run.retry_ids,
        "children": run.child_ids,
    }


def steps_with_attempts(
    steps: list[dict[str, Any]], attempts: Iterable[StepRun], waits: Mapping[tuple[str, int], RunWait]
) -> list[dict[str, Any]]:
    """Each step, in order, with its attempts (ordered, oldest first), how it stands, and what it waits for."""
    by_step: defaultdict[str, list[StepRun]] = defaultdict(list)
    for attempt in attempts:
        by_step[attempt.step_id].append(attempt)
    return [
        {
            "id": step["id"],
            "position": position,
            "connector": step["connector"],
            "action": step["action"],
            "status": stands.status if (stands := standing(by_step[step["id"]])) else None,
            "waits_for": waits_for(step, stands, waits.get((step["id"], 0))) if stands else "",
            "attempts": by_step[step["id"]],
        }
        for position, step in enumerate(steps)
    ]


def _of_workflow(rows: QuerySet[ExecutionRun], workflow: str) -> QuerySet[ExecutionRun]:
    """Runs of the workflow with this id or slug. The slug is looked up first: the planner then sees one id."""
    key = parse_uuid(workflow) or Workflow.objects.filter(slug=workflow).values_list("pk", flat=True).first()
    return rows.filter(workflow_id=key) if key else rows.none()
