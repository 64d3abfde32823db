"""Runs, their steps and what they wait for."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from automate.models import (
    ExecutionRun,
    RunWait,
    StepRun,
)
from automate_web.api.serializers.fields import AnyJson, JsonObject, JsonObjectOrNull, Time
from automate_web.api.serializers.summaries import EventSummary, RunSummary
from automate_web.approvals import approvers


class Attempt(serializers.Serializer[StepRun]):
    """One execution of a step. Inputs, outputs and logs were redacted before they were stored."""

    id = serializers.UUIDField()
    attempt = serializers.IntegerField()
    round = serializers.IntegerField(help_text="Rises when a person repeats a step whose result is recorded.")
    item = serializers.IntegerField(help_text="Of a fan-out, from 1; otherwise 0.")
    status = serializers.ChoiceField(choices=StepRun.Status.choices)
    input = AnyJson()
    output = AnyJson()
    error = JsonObjectOrNull(help_text="`{code, message, details, retryable}`.")
    logs = serializers.ListField(child=serializers.DictField(), help_text="`{at, level, message}` each.")
    started_at = Time()
    ended_at = Time(allow_null=True)
    retry_at = Time(allow_null=True)


class Step(serializers.Serializer[Any]):
    """A step of the run's version and what became of it."""

    id = serializers.CharField()
    position = serializers.IntegerField()
    connector = serializers.CharField()
    action = serializers.CharField()
    status = serializers.ChoiceField(
        choices=StepRun.Status.choices, allow_null=True, help_text="Of the latest attempt; null before the first."
    )
    waits_for = serializers.CharField(help_text="What it waits for, such as `waiting for approval`; else empty.")
    attempts = Attempt(many=True)


class RunWaitShown(serializers.Serializer[RunWait]):
    """What a step waits for beside the time."""

    step = serializers.CharField(source="step_id")
    item = serializers.IntegerField(help_text="Of a fan-out, from 1; otherwise 0.")
    kind = serializers.ChoiceField(choices=RunWait.Kind.choices)
    message = serializers.SerializerMethodField(help_text="What an approval asks; else empty.")
    approvers = serializers.SerializerMethodField(help_text="Who is asked; nobody: everybody who may.")
    event_type = serializers.CharField(help_text="Of an event that is waited for; else empty.")
    child_run_id = serializers.UUIDField(allow_null=True)
    since = Time(source="created_at")
    until = Time(source="expires_at", allow_null=True, help_text="When it stops waiting.")

    @extend_schema_field({"type": "string"})
    def get_message(self, wait: RunWait) -> str:
        return str((wait.details or {}).get("message", ""))

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_approvers(self, wait: RunWait) -> list[str]:
        return approvers(wait)


class RunQueue(serializers.Serializer[Any]):
    """The queue in which a run stands."""

    kind = serializers.ChoiceField(choices=["slot", "order", "halt", "flow", "all", "quota"])
    key = serializers.CharField()
    ahead = serializers.IntegerField(help_text="Runs of this key before it.")
    limit = serializers.IntegerField(allow_null=True, help_text="Of runs of this key at a time.")
    since = Time()
    sentence = serializers.CharField(help_text="The reason in words.")


class RunListed(RunSummary):
    """A run in a list; `event` and `steps` are null unless `expand` names them."""

    event = serializers.SerializerMethodField()
    steps = serializers.SerializerMethodField()

    @extend_schema_field(EventSummary(allow_null=True))
    def get_event(self, run: ExecutionRun) -> Any:
        event = self.context.get("events", {}).get(run.event_id)
        return EventSummary(event).data if event else None

    @extend_schema_field(Step(many=True, allow_null=True))
    def get_steps(self, run: ExecutionRun) -> Any:
        steps = self.context.get("steps")
        return Step(steps[run.pk], many=True).data if steps is not None else None


class RunDetail(RunSummary):
    """A run with its steps. `event` is filled in with `expand=event`."""

    outputs = JsonObject(help_text="The output of each finished step, redacted.")
    dismissed_at = Time(allow_null=True, help_text="When somebody took the failure out of the list.")
    retries = serializers.SerializerMethodField(help_text="Ids of the runs that repeat this one, oldest first.")
    children = serializers.SerializerMethodField(help_text="Ids of the runs that its steps started, oldest first.")
    waits = serializers.SerializerMethodField(help_text="What its steps wait for beside the time.")
    queue = serializers.SerializerMethodField(help_text="Why it does not start or go on; null when it is in no queue.")
    steps = serializers.SerializerMethodField()
    event = serializers.SerializerMethodField()

    @extend_schema_field(Step(many=True))
    def get_steps(self, run: ExecutionRun) -> Any:
        return Step(self.context["steps"], many=True).data

    @extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
    def get_retries(self, run: ExecutionRun) -> Any:
        return [str(each) for each in self.context["retries"]]

    @extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
    def get_children(self, run: ExecutionRun) -> Any:
        return [str(each) for each in self.context["children"]]

    @extend_schema_field(RunWaitShown(many=True))
    def get_waits(self, run: ExecutionRun) -> Any:
        return RunWaitShown(self.context["waits"], many=True).data

    @extend_schema_field(RunQueue(allow_null=True))
    def get_queue(self, run: ExecutionRun) -> Any:
        queue = self.context["queue"]
        return RunQueue(queue).data if queue else None

    @extend_schema_field(EventSummary(allow_null=True))
    def get_event(self, run: ExecutionRun) -> Any:
        event = self.context.get("event")
        return EventSummary(event).data if event else None
