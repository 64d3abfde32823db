"""Rule test cases where they count: whichever way publishes runs them; the Rule Tester asks, saves and removes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from automate.ids import new_id
from automate.models import AuditLogEntry, Event, Workflow, WorkflowVersion
from automate.services import (
    InvalidDraft,
    InvalidImport,
    create_workflow,
    diff,
    export_definition,
    import_definitions,
    publish_version,
    rollback,
    save_draft,
    testing,
)
from automate.services.rule_tests import add_rule_test, remove_rule_test, try_event, try_payload
from automate_governance.errors import Conflict, NotFound
from tests.engine.automate.services.conftest import NOW

pytestmark = pytest.mark.usefixtures("workspace")
LARGE: dict[str, Any] = {"name": "large", "payload": {"amount": 200}, "expected": True}
WRONG: dict[str, Any] = {"name": "small", "payload": {"amount": 5}, "expected": True}
SENTENCE = 'Test "small" fails. Expected a match, got none: payload.amount > 100 was not met; it saw 5, 100.'


def make(definition: dict[str, Any], *cases: Any) -> Workflow:
    return create_workflow(definition={**definition, "tests": list(cases)}, actor="user:1", now=NOW)


def publish(workflow: Workflow) -> WorkflowVersion:
    workflow.refresh_from_db()
    return publish_version(workflow_id=workflow.pk, expected_revision=workflow.draft_revision, actor="user:1", now=NOW)


def an_event(payload: Any) -> Event:
    return Event.objects.create(
        id=new_id(), type="order.created", source="api", payload=payload, trace_id=new_id(), received_at=NOW
    )


def test_publishing_runs_the_cases_and_is_refused_with_the_case_and_the_condition(definition: dict[str, Any]) -> None:
    workflow = make(definition, LARGE, WRONG)

    with transaction.atomic(), pytest.raises(InvalidDraft) as refused:
        publish(workflow)

    assert refused.value.details["errors"] == [
        {"path": "/tests/1/expected", "code": "rule_test_failed", "message": SENTENCE}
    ]
    assert not workflow.versions.exists()


def test_an_import_is_refused_like_a_publish(definition: dict[str, Any]) -> None:
    with pytest.raises(InvalidImport, match="Nothing was imported") as refused:
        import_definitions([("orders.json", {**definition, "tests": [WRONG]})], actor="system", now=NOW)

    assert [problem.message for problem in refused.value.problems["orders.json"]] == [SENTENCE]
    assert not Workflow.objects.filter(slug="order-flow").exists()


def test_going_back_to_a_version_whose_cases_fail_today_is_refused(definition: dict[str, Any]) -> None:
    workflow = make(definition, LARGE)
    first = publish(workflow)
    WorkflowVersion.objects.create(
        workflow=workflow,
        version_num=9,
        trigger_spec=first.trigger_spec,
        rule=first.rule,
        steps=first.steps,
        options={"tests": [WRONG]},
        published_by="an earlier release",
        published_at=NOW,
    )

    with transaction.atomic(), pytest.raises(InvalidDraft, match='Test "small" fails'):
        rollback(workflow_id=workflow.pk, version_num=9, actor="user:1", now=NOW)


def test_cases_belong_to_the_version_are_exported_and_compared(definition: dict[str, Any]) -> None:
    workflow = make(definition, LARGE)
    first = publish(workflow)
    save_draft(
        workflow_id=workflow.pk,
        definition={**definition, "tests": [{**LARGE, "payload": {"amount": 300}}]},
        expected_revision=1,
        actor="user:1",
        now=NOW,
    )
    second = publish(workflow)

    assert first.options == {"tests": [LARGE]}
    assert (second.version_num, [change.path for change in diff(first, second).options]) == (
        2,
        ["/tests/0/payload/amount"],
    )
    text = export_definition(first)
    assert '"tests": [\n    {\n      "name": "large",\n      "payload": {' in text
    workflow.refresh_from_db()
    assert export_definition(publish_again(workflow, json.loads(text))) == text


def publish_again(workflow: Workflow, definition: dict[str, Any]) -> WorkflowVersion:
    save_draft(
        workflow_id=workflow.pk,
        definition=definition,
        expected_revision=workflow.draft_revision,
        actor="user:1",
        now=NOW,
    )
    return publish(workflow)


def test_a_draft_whose_case_fails_can_be_tried_all_the_same(definition: dict[str, Any]) -> None:
    tried = testing.dry_run(definition={**definition, "tests": [WRONG]}, now=NOW, payload={"amount": 200})

    assert tried.path == {"tell": "succeeded", "shape": "succeeded"}


def test_a_payload_is_told_condition_by_condition(definition: dict[str, Any]) -> None:
    told = try_payload(definition, {"amount": 5}).told

    assert (told.matches, told.condition, told.seen) == (False, "payload.amount > 100", [5, 100])
    with pytest.raises(InvalidDraft, match="/rule"):
        try_payload({**definition, "rule": {"nonsense": 1}}, {})
    assert try_payload({"slug": "x", "name": "x"}, {}).told.matches is True
    by_type = {**definition, "rule": {"==": [{"var": "event.type"}, "order.paid"]}}
    assert [try_payload(by_type, {}, event=event).told.matches for event in (None, {"type": "order.paid"})] == [
        False,
        True,
    ]


def test_a_past_event_is_read_as_it_came_and_shown_masked(definition: dict[str, Any]) -> None:
    event = an_event({"password": "hunter2hunter2"})
    rule = {"==": [{"substr": [{"var": "payload.password"}, 0, 4]}, "hunt"]}

    tried = try_event({**definition, "rule": rule}, event.pk)

    assert tried.told.matches is True
    assert tried.event == {"id": str(event.pk), "type": "order.created", "source": "api"}
    assert "hunter" not in json.dumps(tried.told.tree)
    with pytest.raises(NotFound):
        try_event(definition, new_id())


def test_a_rule_of_ones_own_reads_an_event_as_pages_show_it(definition: dict[str, Any]) -> None:
    event = an_event({"password": "hunter2hunter2", "amount": 200})
    asks = {"or": [{"==": [{"var": "payload.password"}, "hunter2hunter2"]}, {"<": [{"var": "payload.amount"}, 0]}]}

    assert try_event({**definition, "rule": asks}, event.pk, is_own_rule=True).told.matches is False
    assert try_event(definition, event.pk, is_own_rule=True).told.matches is True


def test_a_case_is_kept_in_the_draft_masked_and_taken_out_again(definition: dict[str, Any]) -> None:
    workflow = make(definition, LARGE)
    kept: dict[str, Any] = {"workflow_id": workflow.pk, "actor": "user:1", "now": NOW}
    payload = {"amount": 500, "password": "hunter2hunter2"}

    saved = add_rule_test(
        name="huge", payload=payload, expected=True, event={"source": "api"}, expected_revision=1, **kept
    )

    case = {
        "name": "huge",
        "event": {"source": "api"},
        "payload": {"amount": 500, "password": "********"},
        "expected": True,
    }
    assert (saved.draft["tests"], saved.draft_revision) == ([LARGE, case], 2)
    assert publish(workflow).options == {"tests": [LARGE, case]}
    left = remove_rule_test(position=0, expected_revision=2, **kept)
    assert left.draft["tests"] == [case]
    assert "tests" not in remove_rule_test(position=0, expected_revision=3, **kept).draft
    assert [entry.action for entry in AuditLogEntry.objects.filter(action="workflow.save")] == ["workflow.save"] * 3


def test_a_case_that_cannot_be_kept_is_refused(definition: dict[str, Any]) -> None:
    workflow = make(definition, LARGE)
    kept: dict[str, Any] = {"workflow_id": workflow.pk, "actor": "user:1", "now": NOW}

    def add(name: str, payload: Any, revision: int = 1) -> Workflow:
        return add_rule_test(name=name, payload=payload, expected=False, expected_revision=revision, **kept)

    for name, payload in (("large", {}), ("", {}), ("x" * 121, {}), ("vast", "x" * 300_000)):
        with pytest.raises(InvalidDraft, match="/tests"):
            add(name, payload)
    with pytest.raises(Conflict):
        add("late", {}, revision=7)
    with pytest.raises(Conflict):
        remove_rule_test(position=0, expected_revision=7, **kept)
    with pytest.raises(NotFound):
        remove_rule_test(position=1, expected_revision=1, **kept)
    workflow.refresh_from_db()
    assert workflow.draft["tests"] == [LARGE]
