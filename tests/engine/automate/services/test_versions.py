"""Back to an earlier version, and what differs between two."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automate.definitions.canonical import same
from automate.definitions.differences import Change, differences
from automate.models import AuditLogEntry, Workflow, WorkflowVersion
from automate.services import InvalidDraft, create_workflow, diff, publish_version, rollback, save_draft
from automate_governance.errors import Conflict, NotFound
from tests.engine.automate.services.conftest import NOW

ACTOR = "user:1"


@pytest.fixture
def two_versions(workspace: None, definition: dict[str, Any]) -> Workflow:
    """Version 1 with the rule, version 2 without."""
    workflow = create_workflow(definition=definition, actor=ACTOR, now=NOW)
    _publish(workflow)
    return _changed(workflow, {**definition, "rule": None})


def _publish(workflow: Workflow) -> WorkflowVersion:
    return publish_version(workflow_id=workflow.pk, expected_revision=workflow.draft_revision, actor=ACTOR, now=NOW)


def _save(workflow: Workflow, definition: dict[str, Any]) -> Workflow:
    return save_draft(
        workflow_id=workflow.pk,
        definition=definition,
        expected_revision=workflow.draft_revision,
        actor=ACTOR,
        now=NOW,
    )


def _changed(workflow: Workflow, definition: dict[str, Any]) -> Workflow:
    workflow = _save(workflow, definition)
    _publish(workflow)
    workflow.refresh_from_db()
    return workflow


def _rollback(workflow: Workflow, version_num: int, **options: Any) -> WorkflowVersion:
    return rollback(workflow_id=workflow.pk, version_num=version_num, actor=ACTOR, now=NOW, **options)


def test_going_back_makes_a_new_version_that_says_what_the_earlier_one_said(
    two_versions: Workflow, definition: dict[str, Any]
) -> None:
    version = _rollback(two_versions, 1, expected_version_num=2)

    two_versions.refresh_from_db()
    assert (version.version_num, version.note, version.published_by) == (3, "Back to version 1", ACTOR)
    assert (version.trigger_spec, version.rule, version.steps) == tuple(
        definition[name] for name in ("trigger", "rule", "steps")
    )
    assert two_versions.active_version_id == version.pk
    assert [v.rule for v in two_versions.versions.order_by("version_num")] == [
        definition["rule"],
        None,
        definition["rule"],
    ]
    entry = AuditLogEntry.objects.get(action="workflow.rollback")
    assert entry.details == {"version": 3, "back_to": 1, "note": "Back to version 1"}


def test_the_draft_follows_when_it_holds_nothing_unpublished(
    two_versions: Workflow, definition: dict[str, Any]
) -> None:
    revision = two_versions.draft_revision

    _rollback(two_versions, 1)

    two_versions.refresh_from_db()
    assert (two_versions.draft["rule"], two_versions.draft_revision) == (definition["rule"], revision + 1)
    assert _publish(two_versions).version_num == 3  # the draft says what runs


@pytest.mark.parametrize("rule", [{"==": [{"var": "payload.n"}, 1]}, {"unfinished": 1}])
def test_unpublished_changes_stay_in_the_draft(two_versions: Workflow, definition: dict[str, Any], rule: Any) -> None:
    saved = _save(two_versions, {**definition, "rule": rule})

    _rollback(two_versions, 1)

    two_versions.refresh_from_db()
    assert (two_versions.draft["rule"], two_versions.draft_revision) == (rule, saved.draft_revision)


def test_going_back_to_what_runs_changes_nothing(two_versions: Workflow) -> None:
    version = _rollback(two_versions, 2)

    assert version.version_num == 2
    assert two_versions.versions.count() == 2
    assert not AuditLogEntry.objects.filter(action="workflow.rollback").exists()


def test_who_decided_on_another_version_is_told(two_versions: Workflow) -> None:
    with pytest.raises(Conflict) as refused:
        _rollback(two_versions, 1, expected_version_num=1)

    assert refused.value.details == {"expected_version_num": 1, "version_num": 2}
    assert two_versions.versions.count() == 2


def test_a_version_that_does_not_exist_is_not_found(two_versions: Workflow) -> None:
    with pytest.raises(NotFound):
        _rollback(two_versions, 9)


def test_a_version_that_cannot_run_any_more_is_refused(two_versions: Workflow, definition: dict[str, Any]) -> None:
    gone = WorkflowVersion.objects.create(
        workflow=two_versions,
        version_num=7,
        trigger_spec=definition["trigger"],
        rule=None,
        steps=[{"id": "a", "connector": "gone", "action": "x"}],
        note="",
        published_by=ACTOR,
        published_at=NOW,
    )

    with pytest.raises(InvalidDraft) as refused:
        _rollback(two_versions, gone.version_num)

    assert [problem.code for problem in refused.value.problems] == ["unknown_connector"]
    two_versions.refresh_from_db()
    assert two_versions.active_version is not None
    assert two_versions.active_version.version_num == 2


def _version(definition: dict[str, Any], **changed: Any) -> WorkflowVersion:
    said = {**copy.deepcopy(definition), **changed}
    return WorkflowVersion(trigger_spec=said["trigger"], rule=said["rule"], steps=said["steps"])


def test_a_version_does_not_differ_from_its_like(definition: dict[str, Any]) -> None:
    assert diff(_version(definition), _version(definition, note="another")).is_empty


def test_steps_are_known_by_their_id(definition: dict[str, Any]) -> None:
    tell, shape = definition["steps"]
    new = {"id": "new", "connector": "core", "action": "log", "params": {"message": "x"}}
    louder = {**tell, "params": {"message": "louder"}, "timeout_seconds": 5}

    found = diff(_version(definition), _version(definition, steps=[new, louder]))

    assert [(step.id, step.kind, step.path_before, step.path) for step in found.steps] == [
        ("new", "added", None, "/steps/0"),
        ("tell", "changed", "/steps/0", "/steps/1"),
        ("shape", "removed", "/steps/1", None),
    ]
    assert found.steps[1].changes == (
        Change("changed", "/steps/1/params/message", tell["params"]["message"], "louder"),
        Change("added", "/steps/1/timeout_seconds", None, 5),
    )
    assert (found.trigger, found.rule, shape["id"]) == ((), (), "shape")


def test_a_step_that_runs_in_another_order_has_moved(definition: dict[str, Any]) -> None:
    steps = [{"id": name, "connector": "core", "action": "log"} for name in "abcd"]
    turned = [steps[1], steps[2], steps[0], steps[3]]

    found = diff(_version(definition, steps=steps), _version(definition, steps=turned))

    assert [(step.id, step.kind, step.path_before, step.path) for step in found.steps] == [
        ("a", "moved", "/steps/0", "/steps/2")
    ]


def test_changes_of_trigger_and_rule_have_their_pointers(definition: dict[str, Any]) -> None:
    paid = {"==": [{"var": "payload.paid"}, True]}
    before = _version(definition, rule={"and": [{">": [{"var": "payload.amount"}, 100]}, paid]})
    after = _version(
        definition,
        trigger={"type": "event", "event_type": "order.paid"},
        rule={"and": [{"!": {"var": "payload.test"}}, {">": [{"var": "payload.amount"}, 50]}, paid]},
    )

    found = diff(before, after)

    assert found.trigger == (Change("changed", "/trigger/event_type", "order.created", "order.paid"),)
    assert {(change.kind, change.path) for change in found.rule} == {
        ("added", "/rule/and/0/!"),
        ("removed", "/rule/and/0/>"),
        ("added", "/rule/and/1"),
    }
    json.dumps(found.as_dict())


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([1.0, "a", "a/b"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "c/d"]), inner, max_size=3),
    max_leaves=10,
)


@given(before=values, after=values)
def test_every_change_is_at_its_place_and_none_means_the_same(before: Any, after: Any) -> None:
    found = list(differences(before, after))

    assert (not found) is same(before, after)
    for change in found:
        if change.kind != "added":
            assert change.kind == "changed" or same(_at(before, change.path), change.before)
        if change.kind != "removed":
            assert same(_at(after, change.path), change.after)


def _at(value: Any, path: str) -> Any:
    for part in path.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value
