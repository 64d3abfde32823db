"""Why an event did or did not run: told from what was kept, with the values the rule saw."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automate import rules
from automate.ids import new_id
from automate.models import Event, MatchDecision, WorkflowVersion
from automate.services import create_workflow, publish_version
from automate.services.why import explain_event, rule_context
from tests.engine.automate.services.conftest import NOW

pytestmark = pytest.mark.usefixtures("workspace")


def _event(**payload: Any) -> Event:
    return Event.objects.create(
        id=new_id(), type="order.created", payload=payload, source="emit_event", trace_id=uuid4(), received_at=NOW
    )


def _version(definition: dict[str, Any], rule: Any) -> WorkflowVersion:
    workflow = create_workflow(definition={**definition, "rule": rule}, actor="system", now=NOW)
    return publish_version(workflow_id=workflow.pk, expected_revision=1, actor="system", now=NOW)


def _decide(event: Event, version: WorkflowVersion) -> MatchDecision:
    """As the engine writes it down."""
    failed_at = ""
    try:
        matched = rules.evaluate(version.rule, rule_context(event)) if version.rule else True
        reason = "rule_true" if matched else "rule_false"
    except rules.RuleFailed as error:
        told = "The rule threw an error." if "thrown" in error.details else error.message
        matched, reason = False, f"rule_error: {told}"
    if not matched:
        failed_at = rules.first_failure(version.rule, rule_context(event))  # type: ignore[arg-type]
    return MatchDecision.objects.create(
        event_id=event.pk,
        workflow_id=version.workflow_id,
        version_id=version.pk,
        run_id=uuid4() if matched else None,
        decision="started" if matched else "no_match",
        reason=reason,
        failed_at=failed_at,
        decided_at=NOW,
    )


RULE = {"and": [{">": [{"var": "payload.amount"}, 100]}, {"==": [{"var": "payload.currency"}, "EUR"]}]}


def test_the_first_failing_condition_is_told_with_the_value_seen(definition: dict[str, Any]) -> None:
    event = _event(amount=500, currency="USD")
    _decide(event, _version(definition, RULE))

    [why] = explain_event(event)

    assert (why.decision, why.reason, why.failed_at) == ("no_match", "rule_false", "/and/1")
    assert why.condition == 'payload.currency is "EUR"'
    assert why.seen == ["USD", "EUR"]
    assert why.sentence == 'This condition was not met: payload.currency is "EUR"'
    assert why.workflow is not None and why.workflow.slug == "order-flow"
    assert why.version is not None and why.version.version_num == 1
    assert why.tree is not None and why.tree["matched"] is False


def test_a_match_is_explained_too_and_stands_first(definition: dict[str, Any]) -> None:
    event = _event(amount=500, currency="EUR")
    _decide(event, _version({**definition, "slug": "never"}, {"==": [1, 2]}))
    started = _decide(event, _version(definition, RULE))

    first, second = explain_event(event)

    assert (first.decision, first.run_id, first.has_run) == ("started", str(started.run_id), True)
    assert first.tree is not None and first.tree["matched"] is True
    assert second.condition == "1 is 2"


def test_an_event_nothing_listens_for_says_so() -> None:
    event = _event()
    MatchDecision.objects.create(event_id=event.pk, decision="no_match", reason="no_workflow", decided_at=NOW)

    [why] = explain_event(event)

    assert why.sentence == "No live workflow listens for events of type order.created from emit_event."
    assert (why.workflow, why.tree) == (None, None)


def test_a_rule_that_failed_says_what_it_could_not_do(definition: dict[str, Any]) -> None:
    event = _event(amount="much")
    _decide(event, _version(definition, RULE))

    [why] = explain_event(event)

    assert why.reason.startswith("rule_error")
    assert why.sentence == "The rule could not be evaluated: `>` was given something that is not a number."
    assert why.seen == ["much", 100]


def test_an_event_that_waits_has_no_answer_yet() -> None:
    assert explain_event(_event()) == []


def test_the_trees_of_later_versions_do_not_change_the_answer(definition: dict[str, Any]) -> None:
    event, version = _event(amount=1), _version(definition, RULE)
    _decide(event, version)
    before = explain_event(event)
    workflow = version.workflow
    workflow.draft = {**definition, "rule": None}
    workflow.save()
    publish_version(workflow_id=workflow.pk, expected_revision=1, actor="system", now=NOW)

    assert [why.tree for why in explain_event(event)] == [why.tree for why in before]


SECRET = "correct-horse-battery"


@pytest.mark.parametrize(
    "rule",
    [
        {"==": [{"var": "payload.password"}, "other"]},
        {"==": [{"cat": [{"var": "payload.password"}, "!"]}, "other"]},
        {"some": [{"var": "payload.users"}, {"==": [{"var": "token"}, "other"]}]},
        {"==": [{"var": "payload"}, "other"]},
        {"==": [{"val": ["payload", "password"]}, "other"]},
        {"==": [{"??": [{"var": "payload.x"}, {"val": ["payload", "password"]}]}, "other"]},
        {"==": [{"try": [{"throw": {"val": ["payload", "password"]}}, {"val": "type"}]}, "other"]},
        {"throw": {"var": "payload.password"}},
        {"and": [{"==": [{"var": "payload.copy"}, "other"]}, {"==": [{"var": "payload.password"}, "other"]}]},
    ],
)
def test_what_stands_under_a_sensitive_name_is_masked(definition: dict[str, Any], rule: Any) -> None:
    event = _event(password=SECRET, users=[{"token": SECRET}], copy=SECRET)
    _decide(event, _version(definition, rule))

    [masked], [raw] = explain_event(event), explain_event(event, raw=True)

    assert SECRET not in repr((masked.tree, masked.seen, masked.sentence))
    assert SECRET in repr((raw.tree, raw.seen))


def test_it_takes_two_queries_however_many_workflows(definition: dict[str, Any]) -> None:
    event = _event(amount=1)
    for number in range(5):
        _decide(event, _version({**definition, "slug": f"flow-{number}"}, RULE))

    with CaptureQueriesContext(connection) as queries:
        assert len(explain_event(event)) == 5

    assert len(queries) == 2


def test_a_match_without_a_rule_says_that_there_is_none(definition: dict[str, Any]) -> None:
    event = _event()
    _decide(event, _version(definition, None))

    [why] = explain_event(event)

    assert (why.sentence, why.tree) == ("The event is the trigger's, and there is no rule.", None)


def test_the_place_is_worked_out_when_it_was_not_kept(definition: dict[str, Any]) -> None:
    event = _event(amount=500, currency="USD")
    decision = _decide(event, _version(definition, RULE))
    MatchDecision.objects.filter(pk=decision.pk).update(failed_at="")

    assert explain_event(event)[0].failed_at == "/and/1"
