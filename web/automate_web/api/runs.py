"""Runs: list them, see one with every attempt of its steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from automate.execution.states import FINAL_RUN
from automate.models import Event, ExecutionRun, RunWait, StepRun, Workflow, WorkflowVersion
from automate.services.why_waits import why_waits
from automate_governance.errors import Invalid
from automate_web.api import serializers
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.filters import TRACE_AND_TIME, narrow, trace_and_time
from automate_web.api.query import Query, parse_uuid
from automate_web.api.rows import event_rows, run_rows
from automate_web.api.views import PAGE_PARAMETERS, ApiView, find
from automate_web.cursor import paginate
from automate_web.run_family import MOST
from automate_web.run_steps import standing, steps_of, waits_for

EXPANDED = ["event", "steps"]
MOST_WITH_STEPS = 50  # runs to a page: each attempt has its input and output
STATUSES = [str(status) for status in ExecutionRun.Status.values]


class Runs(ApiView):
    """`/runs`"""

    scopes: ClassVar = {"GET": "runs:read"}

    @describe(
        "runs_list",
        "List runs",
        answer=serializers.RunListed,
        is_list=True,
        parameters=[
            query_parameter("status", "One or more of " + ", ".join(STATUSES) + ", separated by commas."),
            query_parameter("workflow", "Of this workflow: its id or slug."),
            query_parameter("event_id", "Made by this event."),
            query_parameter("type", "Started by an event of exactly this type."),
            query_parameter("q", "With this text in their workflow's slug."),
            query_parameter(
                "expand",
                f"`event` and `steps`, separated by commas; with `steps` at most {MOST_WITH_STEPS} to a page.",
                enum=EXPANDED,
            ),
            *trace_and_time(
                "Every run of one trace.",
                "Whose event was received at or after this time (RFC 3339, or a span back such as `24h`).",
                "Whose event was received before this time (RFC 3339, or a span back such as `24h`).",
            ),
        ],
    )
    def get(self, request: Request) -> Response:
        query = Query(
            request, (*PAGE_PARAMETERS, "status", "workflow", "event_id", "type", "q", "expand", *TRACE_AND_TIME)
        )
        expand, rows = query.choices("expand", EXPANDED), run_rows()
        if statuses := query.choices("status", STATUSES):
            rows = rows.filter(status__in=statuses)
        if workflow := query.text("workflow"):
            rows = _of_workflow(rows, workflow)
        if event_type := query.text("type"):
            rows = rows.filter(Exists(Event.objects.filter(pk=OuterRef("event_id"), type=event_type)))
        if text := query.text("q"):
            rows = rows.filter(workflow_id__in=Workflow.objects.filter(slug__contains=text).values("pk"))
        if "steps" in expand and query.limit > MOST_WITH_STEPS:
            words = f"With expand=steps, limit is at most {MOST_WITH_STEPS}."
            raise Invalid(words, details={"param": "limit", "expected": f"1 to {MOST_WITH_STEPS}"})
        page = paginate(narrow(rows, query, ids=("event_id",)), query.cursor, query.limit, query.order())
        return self.envelope(page, serializers.RunListed, **expanded(page.results, expand))


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


def expanded(runs: Sequence[ExecutionRun], expand: Collection[str]) -> dict[str, Any]:
    """What `RunListed` says beside the rows: one statement for the events, three for the steps, however many runs."""
    context: dict[str, Any] = {}
    if "event" in expand:
        context["events"] = {event.pk: event for event in event_rows().filter(pk__in={run.event_id for run in runs})}
    if "steps" in expand:
        context["steps"] = _steps_of_all(runs)
    return context


def _steps_of_all(runs: Sequence[ExecutionRun]) -> dict[UUID, list[dict[str, Any]]]:
    """The steps of each run, as the run itself shows them."""
    versions = WorkflowVersion.objects.in_bulk({run.version_id for run in runs})
    in_order = ("run_id", "position", "item", "round", "attempt")
    attempts: defaultdict[UUID, list[StepRun]] = defaultdict(list)
    for attempt in StepRun.objects.filter(run_id__in=[run.pk for run in runs]).order_by(*in_order):
        attempts[attempt.run_id].append(attempt)
    waits: defaultdict[UUID, dict[tuple[str, int], RunWait]] = defaultdict(dict)
    unfinished = [run.pk for run in runs if run.status not in FINAL_RUN]
    for wait in RunWait.objects.filter(run_id__in=unfinished, status="open"):
        waits[wait.run_id][wait.step_id, wait.item] = wait
    return {
        run.pk: steps_with_attempts(
            steps_of(versions[run.version_id], attempts[run.pk]), attempts[run.pk], waits[run.pk]
        )
        for run in runs
    }


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
