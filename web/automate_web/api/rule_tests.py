"""Rules asked about a payload or a past event, and the test cases in a workflow's draft.

Evaluating stores nothing. A past event needs the scope to read events. A rule of the caller's own reads it as it is
shown, with its masks: it may be chosen freely and could ask for every letter.
"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from automate.definitions.rule_tests import Verdict, event_differences
from automate.models import Event, Workflow, WorkflowVersion
from automate.services.masked_events import masked_for
from automate.services.rule_tests import Tried, add_rule_test, remove_rule_test, run_rule_tests, try_event, try_payload
from automate_governance.errors import Invalid, NotFound
from automate_governance.redaction import redact
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.permissions import demand_live, demand_scope
from automate_web.api.query import Query
from automate_web.api.serializers.rules import NewRuleEvaluation, NewRuleTest, RuleEvaluation, RuleTests
from automate_web.api.trials import payload_or_event
from automate_web.api.versions import find_version
from automate_web.api.views import ApiView, read
from automate_web.api.workflows import etag_of, expected_revision, find_workflow

VERSION = query_parameter("version", "Ask the rule of this version, a number or `live`, instead of the draft's.")
_ANY_TRIGGER = {"type": "manual"}  # a rule alone has none


class RuleEvaluations(ApiView):
    """`/rule-evaluations`"""

    scopes: ClassVar = {"POST": "workflows:read"}
    for_tests: ClassVar = frozenset({"POST"})

    @describe(
        "workflow_rule_evaluations_create",
        "Ask a rule about a payload or a past event",
        body=NewRuleEvaluation,
        answer=RuleEvaluation,
        missing=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        said = read(request, NewRuleEvaluation)
        if said.keys() & {"workflow", "version", "event_id"}:
            demand_live(self.caller, "Asking about what is stored")
        _refuse_unclear(said)
        is_own_rule = "rule" in said
        definition = _definition(said)
        if "event_id" in said:
            _demand_events(self)
            tried = try_event(definition, said["event_id"], is_own_rule=is_own_rule)
        else:
            tried = try_payload(definition, said["payload"], event=said.get("event"))
        return Response(RuleEvaluation(_shown(tried)).data)


class WorkflowRuleTests(ApiView):
    """`/workflows/{workflow}/rule-tests`"""

    scopes: ClassVar = {"GET": "workflows:read", "POST": "workflows:write"}

    @describe(
        "workflow_rule_tests_list",
        "List the test cases of a draft and how they stand",
        answer=RuleTests,
        parameters=[VERSION],
        missing=True,
        etag=True,
    )
    def get(self, request: Request, workflow: str) -> Response:
        said = Query(request, ("version",)).text("version")
        found = find_workflow(workflow)
        return _answer(found, find_version(found, said) if said else None)

    @describe(
        "workflow_rule_tests_create",
        "Keep a test case in the draft",
        body=NewRuleTest,
        answer=RuleTests,
        status=201,
        missing=True,
        conflict=True,
        if_match=True,
        makes=True,
    )
    def post(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        found = find_workflow(workflow)
        new = read(request, NewRuleTest)
        _refuse_unclear(new)
        payload, event = new.get("payload"), dict(new.get("event", {}))
        if "event_id" in new:
            _demand_events(self)
            past = _event(new["event_id"])
            event = event_differences(found.draft, {"type": past.type, "source": past.source})
            with masked_for(past):
                payload = redact(past.payload)
        saved = add_rule_test(
            workflow_id=found.pk,
            name=new["name"],
            payload=payload,
            expected=new["expected"],
            event=event,
            expected_revision=expected_revision(request, found),
            actor=self.caller.actor,
            now=timezone.now(),
        )
        return _answer(saved, status=201)


class OneRuleTest(ApiView):
    """`/workflows/{workflow}/rule-tests/{number}`"""

    scopes: ClassVar = {"DELETE": "workflows:write"}

    @describe(
        "workflow_rule_tests_delete",
        "Take a test case out of the draft",
        answer=RuleTests,
        missing=True,
        conflict=True,
        if_match=True,
    )
    def delete(self, request: Request, workflow: str, number: int) -> Response:
        Query(request, ())
        found = find_workflow(workflow)
        saved = remove_rule_test(
            workflow_id=found.pk,
            position=number - 1,
            expected_revision=expected_revision(request, found),
            actor=self.caller.actor,
            now=timezone.now(),
        )
        return _answer(saved)


def _refuse_unclear(said: dict[str, Any]) -> None:
    payload_or_event(said)
    if "event" in said and "event_id" in said:
        raise Invalid("A past event has its own type and source.", details={"param": "event"})


def _demand_events(view: ApiView) -> None:
    demand_scope(view.caller, "events:read", "Asking about past events needs the scope events:read as well.")


def _definition(said: dict[str, Any]) -> dict[str, Any]:
    """What holds the rule to ask. Raises Invalid, NotFound."""
    is_own = "rule" in said
    if "workflow" not in said:
        if not is_own or "version" in said:
            raise Invalid("Name a workflow, or send a rule.", details={"param": "workflow"})
        return {"slug": "", "trigger": _ANY_TRIGGER, "rule": said["rule"]}
    if is_own and "version" in said:
        raise Invalid("Name either a version or a rule.", details={"param": "version"})
    workflow = find_workflow(said["workflow"])
    if "version" in said:
        return find_version(workflow, str(said["version"])).definition
    return {**workflow.draft, "rule": said["rule"]} if is_own else workflow.draft


def _event(event_id: UUID) -> Event:
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise NotFound("There is no such event.", details={"id": str(event_id)})
    return event


def _shown(tried: Tried) -> dict[str, Any]:
    told = tried.told
    return {
        "matches": told.matches,
        "error": told.error,
        "failed_at": told.failed_at,
        "condition": told.condition,
        "seen": told.seen,
        "explain": told.tree,
        "event": tried.event,
        "is_as_shown": tried.is_as_shown,
    }


def _answer(workflow: Workflow, version: WorkflowVersion | None = None, *, status: int = 200) -> Response:
    rule = workflow.draft.get("rule") if version is None else version.rule
    shown = {
        "draft_revision": workflow.draft_revision,
        "version_num": version.version_num if version is not None else None,
        "results": [_case(verdict) for verdict in run_rule_tests(workflow.draft, rule)],
    }
    return Response(RuleTests(shown).data, status=status, headers={"ETag": etag_of(workflow)})


def _case(verdict: Verdict) -> dict[str, Any]:
    test = verdict.test
    return {
        "number": test.position + 1,
        "name": test.name,
        "event": test.event,
        "payload": test.payload,
        "expected": test.expected,
        "matches": verdict.matches,
        "passed": verdict.passed,
        "message": verdict.sentence,
    }
