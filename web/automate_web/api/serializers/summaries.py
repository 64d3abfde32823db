"""Each resource in a line, as lists and other resources show it."""

from __future__ import annotations

from rest_framework import serializers

from automate.models import Event, ExecutionRun, Workflow, WorkflowVersion
from automate_web.api.serializers.fields import JsonObjectOrNull, Time, TraceId


class WorkflowRef(serializers.Serializer[Workflow]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class VersionRef(serializers.Serializer[WorkflowVersion]):
    id = serializers.UUIDField()
    version_num = serializers.IntegerField()


class RunSummary(serializers.Serializer[ExecutionRun]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=ExecutionRun.Status.choices)
    workflow = WorkflowRef(source="version.workflow")
    version = VersionRef()
    event_id = serializers.UUIDField()
    trace_id = TraceId()
    steps_done = serializers.IntegerField()
    steps_total = serializers.IntegerField()
    error = JsonObjectOrNull(help_text="`{code, message, details, step}` of a failed run.")
    created_at = Time()
    started_at = Time(allow_null=True)
    ended_at = Time(allow_null=True)
    wake_at = Time(allow_null=True, help_text="While waiting: when it goes on.")
    origin = serializers.ChoiceField(choices=ExecutionRun.Origin.choices, help_text="What it came from.")
    retry_of = serializers.UUIDField(allow_null=True, help_text="Of a retry: the run that it repeats.")
    attempt = serializers.IntegerField(help_text="Of the whole run, from 1: a retry is the next one.")
    parent_run_id = serializers.UUIDField(allow_null=True, help_text="Of a child: the run whose step started it.")
    deadline_at = Time(allow_null=True, help_text="It has failed by then, whatever it waits for.")
    cancel_requested_at = Time(allow_null=True, help_text="When somebody asked it to stop.")


class EventSummary(serializers.Serializer[Event]):
    """One event in a list; its payload is in the event itself."""

    id = serializers.UUIDField()
    type = serializers.CharField()
    source = serializers.CharField(  # type: ignore[assignment]  # a field of that name, not its source
        help_text="`webhook:<endpoint>`, `api`, `emit_event` or `manual`."
    )
    trace_id = TraceId()
    received_at = Time()
    replay_of = serializers.UUIDField(allow_null=True, help_text="Of a replay: the event that was sent again.")
