"""Workflows tried without effects: with one payload or past event, or over a span of past events.

Nothing is sent and nothing is written, so the scope to read workflows is enough to try a payload; whoever tries past
events must be allowed to see them and their runs. A definition of the caller's own that reads past events needs the
scope to write workflows as well: its templates see what is masked everywhere else.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import Workflow, WorkflowVersion
from automate.services import testing
from automate_governance.errors import Invalid, NotFound
from automate_web.api.documentation import describe
from automate_web.api.permissions import demand_live, demand_scope
from automate_web.api.query import Query
from automate_web.api.serializers import AnyJson, Input, JsonObject, JsonObjectOrNull, Text, Time
from automate_web.api.views import ApiView, read
from automate_web.api.workflows import find_workflow

MAX_EVENTS = 20_000  # of one backtest
MAX_SECONDS = 20.0
DEFAULT_SPAN = timedelta(days=7)


class Tried(Input):
    """What is tried: a workflow's draft, one of its versions, or a definition in place of its draft."""

    workflow = Text(required=False, help_text="Its id or slug. Its draft is tried, unless something else is named.")
    version = fields.IntegerField(required=False, min_value=1, help_text="The version to try.")
    definition = JsonObject(required=False, help_text="A definition to try.")


class NewDryRun(Tried):
    """One event, past or made up."""

    payload = AnyJson(required=False, help_text="Of an event such as the trigger listens for.")
    event_id = fields.UUIDField(required=False, help_text="A past event instead; what its run recorded is answered.")
    stubs = JsonObject(
        required=False,
        help_text='Step id → `{"output": …}`, `{"error": {"code", "message"}}` or `{"items": [one of these, …]}`.',
    )
    past_rule = fields.BooleanField(default=False, help_text="Whether to follow the steps whatever the rule says.")


class DryDecision(fields.Serializer[Any]):
    """Whether the event would start it."""

    matches = fields.BooleanField()
    reason = fields.CharField(help_text="`rule_true`, `rule_false`, `rule_error: …`, `direct` or `not_listening`.")
    failed_at = fields.CharField(help_text="JSON pointer of the first failing condition.")
    explain = JsonObjectOrNull(help_text="The rule's tree with what each part saw.")


class DryStepShown(fields.Serializer[Any]):
    """One step, or one item of a fan-out: what it would be given, what would be sent, and what stood for the answer."""

    step = fields.CharField()
    item = fields.IntegerField(help_text="Of a fan-out, from 1; else 0.")
    kind = fields.CharField(help_text="`step`, `handler`, `compensation` or `finally`.")
    connector = fields.CharField()
    action = fields.CharField()
    status = fields.CharField(
        help_text="`succeeded`, `failed`, `skipped`, `cancelled`, `not_run`; `unknown`: it needs what nobody knows."
    )
    attempts = fields.IntegerField()
    input = AnyJson(allow_null=True)
    request = JsonObjectOrNull(help_text="connector, action, effect, params; `problem` where it would be refused.")
    output = AnyJson(allow_null=True)
    output_from = fields.CharField(
        allow_null=True, help_text="`stub`, `recorded`, `sample`, `spec`, `run` (worked out), or `unknown`."
    )
    recorded_run_id = fields.UUIDField(allow_null=True)
    same_request = fields.BooleanField(allow_null=True, help_text="Whether the recorded call was the same.")
    error = JsonObjectOrNull()
    needs = fields.CharField(allow_null=True, help_text="The path of the value that nobody knows.")
    denied = fields.ListField(child=JsonObject(), help_text="What policy would deny: code, message.")
    waits = JsonObjectOrNull(help_text="`kind` (time, event, approval, child) and for what.")
    items = fields.IntegerField(allow_null=True, help_text="Of a fan-out: how many.")
    is_assumed = fields.BooleanField(help_text="It follows something unknown and may be otherwise.")
    logs = fields.ListField(child=JsonObject())


class DryRunShown(fields.Serializer[Any]):
    """What would happen. Nothing has."""

    decision = DryDecision()
    event = JsonObject(help_text="id, type, source.")
    status = fields.CharField(
        allow_null=True, help_text="How the run would end; `stopped` at a limit; null: it would not start."
    )
    is_certain = fields.BooleanField(help_text="False where something unknown was needed.")
    error = JsonObjectOrNull()
    path = JsonObject(help_text="Step → status, of those that ran.")
    steps = DryStepShown(many=True)
    unknown = fields.ListField(child=fields.CharField(), help_text="Paths that were needed and not known.")
    waited_seconds = fields.FloatField(help_text="What timers and retries would take.")
    limit = fields.CharField(allow_null=True)
    recorded_run_id = fields.UUIDField(allow_null=True)


class NewBacktest(Tried):
    """A span of past events."""

    since = fields.DateTimeField(required=False, help_text="Received at or after; 7 days ago where absent.")
    until = fields.DateTimeField(required=False, help_text="Received before; now where absent.")
    max_events = fields.IntegerField(default=MAX_EVENTS, min_value=1, max_value=MAX_EVENTS)


class DifferenceShown(fields.Serializer[Any]):
    """One event that would be treated otherwise."""

    event_id = fields.UUIDField()
    run_id = fields.UUIDField(allow_null=True)
    kind = fields.CharField(help_text="`gained`, `lost`, `path` or `requests`.")
    steps = fields.ListField(child=JsonObject(), help_text="step, was, would.")
    requests = fields.ListField(child=JsonObject(), help_text="step, item, was, would.")
    unknown = fields.ListField(child=fields.CharField())


class BacktestShown(fields.Serializer[Any]):
    """Counts over the events that were looked at, and the first differences."""

    since = Time()
    until = Time()
    events = fields.IntegerField()
    matched_then = fields.IntegerField()
    matches = fields.IntegerField()
    gained = fields.IntegerField()
    lost = fields.IntegerField()
    paths_same = fields.IntegerField()
    paths_changed = fields.IntegerField()
    paths_unknown = fields.IntegerField(help_text="Runs where something was needed that nobody knows.")
    not_compared = fields.IntegerField(help_text="Matches without a finished run to compare with.")
    requests_same = fields.IntegerField()
    requests_changed = fields.IntegerField()
    requests_unknown = fields.IntegerField(help_text="Calls that were not recorded then, or are not known now.")
    steps = fields.IntegerField(help_text="Steps and items that would run.")
    calls = JsonObject(help_text="`connector.action` → calls.")
    llm_calls = fields.IntegerField()
    llm_usd = fields.CharField(help_text="Of the calls whose cost is recorded, in dollars.")
    llm_usd_at_most = fields.CharField(
        help_text="Of those not recorded: counted tokens and the longest answer, at the price that is known."
    )
    llm_calls_estimated = fields.IntegerField(help_text="Calls in `llm_usd_at_most`.")
    llm_calls_unknown = fields.IntegerField(help_text="Calls whose cost nobody knows.")
    differences = DifferenceShown(many=True)
    is_complete = fields.BooleanField()
    goes_on_at = Time(allow_null=True, help_text="Not complete: send this as `since` to go on.")


class DryRuns(ApiView):
    """`/workflow-dry-runs`"""

    scopes: ClassVar = {"POST": "workflows:read"}
    for_tests: ClassVar = frozenset({"POST"})

    @describe(
        "workflow_dry_runs_create",
        "Try a workflow with one event, without effects",
        body=NewDryRun,
        answer=DryRunShown,
        missing=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        said = read(request, NewDryRun)
        if said.keys() & {"workflow", "version", "event_id"}:
            demand_live(self.caller, "A dry run of what is stored")
        payload_or_event(said)
        if "event_id" in said:
            demand_past(self, said)
        workflow, version, definition = tried(said)
        found = testing.dry_run(
            definition=definition,
            now=timezone.now(),
            version=version,
            workflow_id=workflow.pk if workflow else None,
            payload=said.get("payload"),
            event_id=said.get("event_id"),
            stubs=said.get("stubs"),
            is_direct=said["past_rule"],
        )
        return Response(DryRunShown(found.as_dict()).data)


class Backtests(ApiView):
    """`/workflow-backtests`"""

    scopes: ClassVar = {"POST": "workflows:read"}

    @describe(
        "workflow_backtests_create",
        "Try a workflow over past events, without effects",
        body=NewBacktest,
        answer=BacktestShown,
        missing=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        said = read(request, NewBacktest)
        demand_past(self, said)
        workflow, version, definition = tried(said)
        if workflow is None:
            raise Invalid("Name the workflow whose past it is compared with.", details={"param": "workflow"})
        until = said.get("until") or timezone.now()
        found = testing.backtest(
            workflow_id=workflow.pk,
            definition=definition,
            since=said.get("since") or until - DEFAULT_SPAN,
            until=until,
            version=version,
            max_events=said["max_events"],
            max_seconds=MAX_SECONDS,
        )
        return Response(BacktestShown(found).data)


def demand_past(view: ApiView, said: dict[str, Any]) -> None:
    """Raise ForbiddenScope unless the key may see past events and runs, and write what reads them."""
    for scope in ("events:read", "runs:read", *(["workflows:write"] if "definition" in said else [])):
        demand_scope(view.caller, scope, f"Trying past events needs the scope {scope} as well.")


def payload_or_event(said: dict[str, Any]) -> None:
    """Raise Invalid unless exactly one of them is named."""
    if ("payload" in said) == ("event_id" in said):
        raise Invalid("Name either a payload or an event_id.", details={"param": "payload"})


def tried(said: dict[str, Any]) -> tuple[Workflow | None, WorkflowVersion | None, dict[str, Any]]:
    """The workflow, the published version, and the definition to try. Raises Invalid, NotFound."""
    definition, number = said.get("definition"), said.get("version")
    if definition is not None and not isinstance(definition, dict):
        raise Invalid("A definition is a JSON object.", details={"param": "definition"})
    if "workflow" not in said:
        if definition is None or number is not None:
            raise Invalid("Name a workflow, or send a definition.", details={"param": "workflow"})
        return Workflow.objects.filter(slug=str(definition.get("slug"))).first(), None, definition
    workflow = find_workflow(said["workflow"])
    if definition is not None and number is not None:
        raise Invalid("Name either a version or a definition.", details={"param": "version"})
    if number is None:
        return workflow, None, workflow.draft if definition is None else definition
    version = workflow.versions.filter(version_num=number).first()
    if version is None:
        raise NotFound("This workflow has no such version.", details={"version_num": number})
    return workflow, version, version.definition
