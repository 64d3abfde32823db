"""What stops working when a workflow does: its schedule, a webhook that feeds nothing else, workflows that call it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from automate.definitions.graph import every_step
from automate.execution.states import FINAL_RUN
from automate.models import ExecutionRun, Schedule, Workflow, WorkflowVersion

COUNTED = 1_000  # unfinished runs are counted up to here


@dataclass(frozen=True)
class Dependents:
    """`endpoint`: the slug of a webhook whose events would start nothing. `unfinished`: runs, which go on."""

    schedule: Schedule | None = None
    endpoint: str | None = None
    event_type: str | None = None
    callers: list[Workflow] = field(default_factory=list)  # a step of theirs runs it
    listeners: list[Workflow] = field(default_factory=list)  # they start when it ends
    unfinished: int = 0

    def __bool__(self) -> bool:
        """Whether anything at all stops or is under way."""
        found = (self.schedule, self.endpoint, self.event_type, self.callers, self.listeners, self.unfinished)
        return any(found)


def dependents_of(workflow: Workflow) -> Dependents:
    """For a workflow that is published and enabled or not; what is off already stops nothing."""
    others = Workflow.objects.kept().filter(is_enabled=True).exclude(active_version=None).exclude(pk=workflow.pk)
    trigger: dict[str, Any] = {}
    if workflow.active_version is not None and workflow.is_enabled:
        trigger = workflow.active_version.trigger_spec
    return Dependents(
        schedule=Schedule.objects.filter(workflow=workflow, is_active=True).first(),
        endpoint=_feeds_only_it(trigger, others, "webhook", "endpoint"),
        event_type=_feeds_only_it(trigger, others, "event", "event_type"),
        **_named_by(workflow.slug, others),
        unfinished=unfinished_runs(workflow.pk),
    )


def unfinished_runs(workflow_id: UUID) -> int:
    """How many of its runs have not ended, at most `COUNTED`."""
    unfinished = [status for status in ExecutionRun.Status.values if status not in FINAL_RUN]
    return ExecutionRun.objects.filter(workflow_id=workflow_id, status__in=unfinished)[:COUNTED].count()


def _feeds_only_it(trigger: dict[str, Any], others: QuerySet[Workflow], kind: str, key: str) -> str | None:
    if trigger.get("type") != kind:
        return None
    alike = {"active_version__trigger_spec__type": kind, f"active_version__trigger_spec__{key}": trigger[key]}
    return None if others.filter(**alike).exists() else str(trigger[key])


def _named_by(slug: str, others: QuerySet[Workflow]) -> dict[str, list[Workflow]]:
    """Who calls it and who starts after it. The database finds those whose text has the slug; here they are read."""
    text = {name: Cast(f"active_version__{name}", TextField()) for name in ("steps", "options", "trigger_spec")}
    mentions = Q()
    for name in text:
        mentions |= Q(**{f"{name}_text__contains": f'"{slug}"'})
    found = others.annotate(**{f"{name}_text": cast for name, cast in text.items()}).filter(mentions)
    callers, listeners = [], []
    for one in found.select_related("active_version").defer("draft").order_by("name"):
        version = one.active_version
        assert version is not None
        if slug in _called_by(version):
            callers.append(one)
        if version.trigger_spec.get("type") == "workflow" and version.trigger_spec.get("workflow") == slug:
            listeners.append(one)
    return {"callers": callers, "listeners": listeners}


def _called_by(version: WorkflowVersion) -> Iterator[str]:
    for _, step in every_step({"steps": version.steps, **version.options}):
        if (step.get("connector"), step.get("action")) == ("core", "run_workflow"):
            yield str(step.get("params", {}).get("workflow"))
