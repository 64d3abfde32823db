"""Events, their decisions, and what a sender gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from automate.models import (
    Event,
    MatchDecision,
)
from automate.services.why import Why
from automate_governance.redaction import redact
from automate_web.api.serializers.fields import AnyJson, Input, JsonObject, JsonObjectOrNull, Text, TraceId
from automate_web.api.serializers.summaries import EventSummary, RunSummary, VersionRef, WorkflowRef


class Decision(serializers.Serializer[Why]):
    """Why one workflow did or did not run for the event. `workflow` is null when none listens to it."""

    workflow = WorkflowRef(allow_null=True)
    version = VersionRef(allow_null=True)
    run_id = serializers.UUIDField(allow_null=True)
    decision = serializers.ChoiceField(choices=MatchDecision.Decision.choices)
    reason = serializers.CharField(help_text="`rule_true`, `rule_false`, `direct`, `no_workflow` or `rule_error: ...`.")
    sentence = serializers.CharField(help_text="The reason in words.")
    failed_at = serializers.CharField(help_text="JSON pointer, in the rule, of the first condition that failed.")
    condition = serializers.CharField(help_text="That condition in words, such as `payload.total > 100`.")
    seen = serializers.ListField(child=AnyJson(), help_text="The values that condition was given.")
    explanation = serializers.SerializerMethodField(help_text="The whole evaluation, with `expand=why`; else null.")

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
    def get_explanation(self, why: Why) -> Any:
        return why.tree if self.context["with_explanations"] else None


class EventDetail(EventSummary):
    """An event, what was decided about it, and the runs it made."""

    payload = serializers.SerializerMethodField(help_text="As received, with secrets redacted.")
    headers = JsonObjectOrNull(help_text="Of the HTTP request, redacted; null unless it came by webhook.")
    why = serializers.SerializerMethodField(help_text="The decision for each workflow that could have run.")
    runs = serializers.SerializerMethodField(help_text="The runs this event made.")
    replays = serializers.SerializerMethodField(help_text="Ids of the events that sent it again, oldest first.")

    @extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
    def get_replays(self, event: Event) -> Any:
        return [str(replay) for replay in self.context["replays"]]

    @extend_schema_field({})
    def get_payload(self, event: Event) -> Any:
        return redact(event.payload)

    @extend_schema_field(Decision(many=True))
    def get_why(self, event: Event) -> Any:
        return Decision(self.context["why"], many=True, context=self.context).data

    @extend_schema_field(RunSummary(many=True))
    def get_runs(self, event: Event) -> Any:
        return RunSummary(self.context["runs"], many=True).data


class NewEvent(Input):
    """An event to send."""

    type = Text(max_length=200, help_text="What happened, such as `order.created`.")
    payload = JsonObject(help_text="What is known about it: a JSON object.")

    def validate_payload(self, payload: Any) -> Any:
        if not isinstance(payload, dict):
            raise serializers.ValidationError("This must be a JSON object.", code="not_an_object")
        return payload


class AcceptedEvent(serializers.Serializer[Any]):
    """The event is committed, and so is the intent to process it."""

    event_id = serializers.UUIDField()
    trace_id = TraceId()
    duplicate = serializers.BooleanField(
        required=False, help_text="Present and true when the Idempotency-Key was seen before: the ids are the first's."
    )
    test = serializers.BooleanField(
        required=False,
        help_text="Present and true for a test key: checked, not stored; no event has the id.",
    )
    body_differs = serializers.BooleanField(
        required=False, help_text="Never present: another body under a known key is refused with 422."
    )
