"""How each resource looks in JSON. The OpenAPI document is made from these classes, so they are what is sent.

Ids are strings, times RFC 3339 in UTC, trace ids 32 hex digits. What people typed or senders sent is shown redacted.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from automate.models import (
    AuditLogEntry,
    Event,
    ExecutionRun,
    MatchDecision,
    RunWait,
    StepRun,
    Workflow,
    WorkflowVersion,
)
from automate.services.why import Why
from automate_governance.models import StoredSecret
from automate_governance.redaction import redact
from automate_llm.money import to_dollars
from automate_web.approvals import approvers


class Time(serializers.DateTimeField):
    """RFC 3339 in UTC."""

    def __init__(self, **kwargs: Any):
        super().__init__(default_timezone=UTC, **kwargs)


class TraceId(serializers.UUIDField):
    """32 hex digits, as in `traceparent`."""

    def __init__(self, **kwargs: Any):
        super().__init__(format="hex", **kwargs)


@extend_schema_field({})
class AnyJson(serializers.JSONField):
    """Any JSON value."""


@extend_schema_field({"type": "object", "additionalProperties": True})
class JsonObject(serializers.JSONField):
    """A JSON object with any keys."""


@extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
class JsonObjectOrNull(serializers.JSONField):
    """A JSON object with any keys, or null."""


class Text(serializers.CharField):
    """A string and nothing that could pass for one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Input(serializers.Serializer[Any]):
    """A body: a key that it does not have is refused, so that a typing mistake is not taken for a choice."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError({key[:100]: self._unknown() for key in unknown[:20]})
        return super().to_internal_value(data)

    @staticmethod
    def _unknown() -> list[serializers.ErrorDetail]:
        return [serializers.ErrorDetail("There is no such field.", code="unknown_field")]


class WorkflowRef(serializers.Serializer[Workflow]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class VersionRef(serializers.Serializer[WorkflowVersion]):
    id = serializers.UUIDField()
    version_num = serializers.IntegerField()


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
    body_differs = serializers.BooleanField(
        required=False, help_text="Present and true when that first event had another body. The first stays."
    )


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

    kind = serializers.ChoiceField(choices=["slot", "order", "halt"])
    key = serializers.CharField()
    ahead = serializers.IntegerField(help_text="Runs of this key before it.")
    limit = serializers.IntegerField(allow_null=True, help_text="Of runs of this key at a time.")
    since = Time()
    sentence = serializers.CharField(help_text="The reason in words.")


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


class ActiveVersion(VersionRef):
    published_at = Time()


class WorkflowSummary(serializers.Serializer[Workflow]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["draft", "live", "disabled"])
    is_sample = serializers.BooleanField()
    draft_revision = serializers.IntegerField(help_text="For `If-Match`: rises with each saved change.")
    active_version = ActiveVersion(allow_null=True)
    created_at = Time()
    updated_at = Time()


class WorkflowDetail(WorkflowSummary):
    """A workflow and its draft: the whole definition being edited."""

    draft = JsonObject()


class Version(VersionRef):
    """An immutable snapshot of a definition: what runs."""

    trigger = JsonObject(source="trigger_spec")
    rule = AnyJson(help_text="JSONLogic; null matches every event of the trigger.")
    steps = serializers.ListField(child=serializers.DictField())
    options = JsonObject(help_text="Every other field of the definition: finally, deadline_seconds, policy…")
    note = serializers.CharField()
    published_by = serializers.CharField()
    published_at = Time()


class NewVersion(Input):
    """What to say about the version being published."""

    note = Text(max_length=300, required=False, allow_blank=True, default="")


class Problem(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="JSON pointer into the definition.")
    code = serializers.CharField()
    message = serializers.CharField()
    severity = serializers.ChoiceField(
        choices=["error", "warning"], help_text="A warning keeps nothing from being done."
    )


class Validation(serializers.Serializer[Any]):
    """Every problem of a definition; publishing it would be refused while one of them is an error."""

    valid = serializers.BooleanField()
    problems = Problem(many=True)


class Secret(serializers.Serializer[StoredSecret]):
    """A stored secret, without its value: nothing reads that back."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    reference = serializers.CharField(help_text="What a workflow writes in its place.")
    note = serializers.CharField()
    hosts = serializers.ListField(child=serializers.CharField(), help_text="Where it may be sent; empty: anywhere.")
    version_num = serializers.IntegerField(help_text="Rises with each rotation and restoration.")
    created_at = Time()
    created_by = serializers.CharField()
    rotated_at = Time(allow_null=True)
    latest_used_at = Time(allow_null=True, help_text="By a run, to the minute.")
    used_by = serializers.SerializerMethodField(help_text="Slugs of the workflows that refer to it.")

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_used_by(self, secret: StoredSecret) -> Any:
        return self.context["used_by"].get(secret.name, [])


class NewSecret(Input):
    """A secret to store."""

    name = Text(max_length=100, help_text="Letters, digits, `_`, `.` and `-`.")
    value = Text(trim_whitespace=False, write_only=True, help_text="Never returned.")
    hosts = serializers.ListField(child=Text(max_length=300), required=False, default=list, max_length=50)
    note = Text(max_length=300, required=False, allow_blank=True, default="")


class NewSecretValue(Input):
    """The next value under the same reference."""

    value = Text(trim_whitespace=False, write_only=True, help_text="Never returned.")


class SecretChange(Input):
    """What to change beside the value; absent fields stay."""

    hosts = serializers.ListField(child=Text(max_length=300), required=False, max_length=50)
    note = Text(max_length=300, required=False, allow_blank=True)


class DeletedSecret(serializers.Serializer[Any]):
    """Every value it had is erased."""

    name = serializers.CharField()
    deleted = serializers.BooleanField()


class AuditEntry(serializers.Serializer[AuditLogEntry]):
    """One change or decision. Entries are never altered; `details` was redacted before it was written."""

    id = serializers.UUIDField()
    created_at = Time()
    actor = serializers.CharField(help_text="`user:12`, `key:am_live_ab12`, `operator:...` or `system`.")
    action = serializers.CharField(help_text="Such as `workflow.publish`.")
    resource = serializers.CharField(help_text="Such as `workflow:<id>`.")
    details = JsonObject()
    trace_id = TraceId(allow_null=True)
    ip = serializers.CharField(allow_null=True)


class PolicyRules(Input):
    """One layer of policy; what is left out limits nothing. Rates are per minute, money is US dollars."""

    webhook_rate = serializers.IntegerField(required=False, help_text="Of all endpoints together.")
    endpoint_rates = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="By the endpoint's name; `*` is each."
    )
    over_limit = serializers.ChoiceField(
        choices=["reject", "hold"], required=False, help_text="Webhooks above the rate: refused, or held."
    )
    connector_allowlist = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="`*`, `http`, `http.request`."
    )
    host_allowlist = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="`*`, `api.stripe.com`, `*.stripe.com`, with `:port`."
    )
    outbound_rates = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="By host pattern; calls above it wait."
    )
    api_rate = serializers.IntegerField(required=False, help_text="Of each API key.")
    llm_budget_daily = serializers.CharField(required=False, help_text='A decimal number, such as "10.00".')
    llm_budget_workflow = serializers.CharField(required=False, help_text="Of each workflow a day.")
    llm_budget_run = serializers.CharField(required=False, help_text="Of each run.")
    max_concurrent_runs = serializers.IntegerField(required=False)
    mask_emails = serializers.BooleanField(
        required=False, help_text="E-mail addresses are redacted as secrets are, in everything written and shown."
    )


class PolicyBlocked(serializers.Serializer[Any]):
    """How often a rule stood in the way of something in 7 days."""

    rule = serializers.CharField()
    layer = serializers.CharField()
    subject = serializers.CharField(help_text="A host with its port, or a connector's action.")
    outcome = serializers.ChoiceField(choices=["denied", "waited"])
    count = serializers.IntegerField()
    latest_at = Time()
    latest_run_id = serializers.UUIDField(allow_null=True)


class PolicyDetail(serializers.Serializer[Any]):
    """The workspace's own layer, what holds with those above it, and what was blocked."""

    document = JsonObject(help_text="The workspace's own rules.")
    revision = serializers.IntegerField(help_text="For `If-Match`; 0 before the first change.")
    updated_at = Time(allow_null=True)
    updated_by = serializers.CharField()
    in_force = JsonObject(help_text="Each limit that holds, with the layer that sets it.")
    blocked = PolicyBlocked(many=True)


class PolicyWouldBlock(serializers.Serializer[Any]):
    rule = serializers.CharField()
    subject = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["denied", "waited"])
    count = serializers.IntegerField()


class PolicyPreview(serializers.Serializer[Any]):
    """What of the last 24 hours a policy would have stood in the way of."""

    would_have_blocked = PolicyWouldBlock(many=True)


class Micros(serializers.CharField):
    """Micro-dollars as decimal dollars, exact."""

    def to_representation(self, value: Any) -> str:
        return f"{to_dollars(int(value)):f}"


class LLMShare(serializers.Serializer[Any]):
    """Part of a day's spend."""

    key = serializers.CharField(help_text="A workflow's id, empty for calls outside of workflows; or a model's name.")
    calls = serializers.IntegerField()
    cost_usd = Micros(source="cost_micros")
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class LLMMonth(serializers.Serializer[Any]):
    """A month's calls of one model, after the ledger has deleted them."""

    month = serializers.CharField(help_text="As 2026-11.")
    model = serializers.CharField()
    calls = serializers.IntegerField()
    cost_usd = Micros(source="cost_micros")
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class LLMUsage(serializers.Serializer[Any]):
    """A day's spend on language models, in the workspace's zone."""

    day = serializers.CharField()
    time_zone = serializers.CharField()
    resets_at = Time(allow_null=True, help_text="When the budget begins anew; null for a day that is over.")
    spent_usd = Micros(source="spent_micros")
    reserved_usd = Micros(source="reserved_micros", help_text="Set aside for calls under way; counts like spent.")
    unreconciled_usd = Micros(source="unreconciled_micros", help_text="Of what is spent: calls whose answer was lost.")
    cap_usd = Micros(source="cap_micros", allow_null=True)
    calls = serializers.IntegerField()
    by_workflow = LLMShare(many=True)
    by_model = LLMShare(many=True)
    earlier = LLMMonth(many=True, help_text="Totals of calls older than 400 days, the newest month first.")


class LLMCall(serializers.Serializer[Any]):
    """One call of a model, and what it cost."""

    id = serializers.UUIDField()
    at = Time()
    day = serializers.CharField()
    status = serializers.ChoiceField(choices=["reserved", "settled", "released", "unreconciled"])
    action = serializers.CharField()
    provider = serializers.CharField()
    model = serializers.CharField()
    workflow_id = serializers.UUIDField(allow_null=True)
    version_id = serializers.UUIDField(allow_null=True)
    run_id = serializers.UUIDField(allow_null=True)
    step_id = serializers.CharField()
    attempt = serializers.IntegerField()
    input_tokens = serializers.IntegerField(allow_null=True)
    cached_tokens = serializers.IntegerField(allow_null=True)
    output_tokens = serializers.IntegerField(allow_null=True)
    reserved_usd = Micros(source="reserved_micros")
    cost_usd = Micros(source="cost_micros")
    usage_from = serializers.CharField(help_text="provider, reserved, cache, evidence, or empty.")
    finish_reason = serializers.CharField()
    error_code = serializers.CharField()


class LLMPreferencesBody(serializers.Serializer[Any]):
    """The workspace's choices about models; it is replaced as a whole."""

    keeps_prompts = serializers.BooleanField(required=False, help_text="Redacted, in the ledger.")
    prices = serializers.ListField(
        child=JsonObject(), required=False, help_text="`model`, `input`, `output`: dollars per million tokens."
    )


class LLMPreferences(LLMPreferencesBody):
    """The workspace's choices about models."""

    table_as_of = serializers.CharField(help_text="The date of the kept price table.")


class ErrorBody(serializers.Serializer[Any]):
    """The one shape of every error."""

    code = serializers.CharField(help_text="Stable, snake_case; see docs/errors.")
    message = serializers.CharField(help_text="For people; may be reworded.")
    details = JsonObject(help_text="May hold `param`, `hint`, `errors` (each with `path`, `code`, `message`).")
    trace_id = serializers.CharField(help_text="Names this request in our log. Also in X-Trace-Id.")
