"""Creating, saving, publishing, enabling: one transaction each, and the second of two editors is told."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from automate.execution.direct import start_direct
from automate.models import AuditLogEntry, Workflow, WorkflowVersion
from automate.services import (
    InvalidDraft,
    create_workflow,
    import_definitions,
    publish_version,
    remove_workflow,
    restore_workflow,
    save_draft,
    set_enabled,
)
from automate_governance.errors import Conflict, NotFound
from tests.engine.automate.services.conftest import NOW

pytestmark = pytest.mark.usefixtures("workspace")
ACTOR = "user:1"


def _create(definition: dict[str, Any]) -> Workflow:
    return create_workflow(definition=definition, actor=ACTOR, now=NOW)


def _publish(workflow: Workflow, **options: Any) -> WorkflowVersion:
    options.setdefault("expected_revision", workflow.draft_revision)
    return publish_version(workflow_id=workflow.pk, actor=ACTOR, now=NOW, **options)


def _save(workflow: Workflow, definition: dict[str, Any], **options: Any) -> Workflow:
    options.setdefault("expected_revision", workflow.draft_revision)
    return save_draft(workflow_id=workflow.pk, definition=definition, actor=ACTOR, now=NOW, **options)


def _audited(workflow: Workflow) -> list[str]:
    entries = AuditLogEntry.objects.filter(resource=f"workflow:{workflow.pk}").order_by("id")
    return list(entries.values_list("action", flat=True))


def test_a_new_workflow_is_a_draft_until_it_is_published(definition: dict[str, Any]) -> None:
    workflow = _create(definition)
    assert workflow.state == "draft"

    version = _publish(workflow, note="First")

    workflow.refresh_from_db()
    assert (workflow.state, workflow.active_version_id) == ("live", version.pk)
    assert (version.version_num, version.note, version.published_by) == (1, "First", ACTOR)
    assert (version.trigger_spec, version.rule, version.steps) == (
        definition["trigger"],
        definition["rule"],
        definition["steps"],
    )
    assert _audited(workflow) == ["workflow.create", "workflow.publish"]


def test_the_next_version_leaves_the_first_as_it_was(definition: dict[str, Any]) -> None:
    workflow = _create(definition)
    first = _publish(workflow)
    workflow = _save(workflow, {**definition, "rule": None})

    second = _publish(workflow)

    first.refresh_from_db()
    assert (first.version_num, first.rule) == (1, definition["rule"])
    assert (second.version_num, second.rule) == (2, None)


def test_publishing_the_same_again_makes_no_version(definition: dict[str, Any]) -> None:
    workflow = _create(definition)
    first = _publish(workflow)

    assert _publish(workflow) == first
    assert workflow.versions.count() == 1
    assert _audited(workflow).count("workflow.publish") == 1


@pytest.mark.postgresql("triggers")
def test_a_version_cannot_be_changed(definition: dict[str, Any]) -> None:
    version = _publish(_create(definition))

    with pytest.raises(DatabaseError), transaction.atomic():
        WorkflowVersion.objects.filter(pk=version.pk).update(note="changed")


def test_a_draft_may_be_unfinished_but_not_published(definition: dict[str, Any]) -> None:
    workflow = _create({**definition, "steps": [], "rule": {"nope": 1}})

    with pytest.raises(InvalidDraft) as refused:
        _publish(workflow)

    assert [problem.path for problem in refused.value.problems] == ["/rule", "/steps"]
    assert refused.value.details["errors"][0]["code"] == "unknown_operator"
    assert workflow.versions.count() == 0


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"slug": "Not a slug"}, "/slug"),
        ({"name": ""}, "/name"),
        ({"steps": [{"id": "a", "params": {"password": "hunter2-hunter2"}}]}, "/steps/0/params/password"),
        ({"note": "nul \x00"}, ""),
    ],
)
def test_what_can_never_be_stored_is_refused_as_a_draft_too(
    definition: dict[str, Any], change: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidDraft) as refused:
        _create({**definition, **change})

    assert [problem.path for problem in refused.value.problems] == [path]
    assert not Workflow.objects.filter(name=definition["name"]).exists()


def test_a_taken_slug_is_a_conflict(definition: dict[str, Any]) -> None:
    _create(definition)

    with pytest.raises(Conflict, match="order-flow"):
        _create(definition)


def test_the_second_of_two_editors_is_told(definition: dict[str, Any]) -> None:
    workflow = _create(definition)
    saved = _save(workflow, {**definition, "name": "Changed by one"})
    assert saved.draft_revision == 2

    with pytest.raises(Conflict) as stale:
        _save(workflow, {**definition, "name": "Changed by the other"}, expected_revision=1)
    with pytest.raises(Conflict):
        _publish(workflow, expected_revision=1)

    assert stale.value.details == {"expected_revision": 1, "revision": 2}
    workflow.refresh_from_db()
    assert workflow.name == "Changed by one"


def test_saving_the_same_changes_nothing(definition: dict[str, Any]) -> None:
    workflow = _create(definition)

    assert _save(workflow, dict(reversed(definition.items()))).draft_revision == 1
    assert _audited(workflow) == ["workflow.create"]


def test_the_slug_stays(definition: dict[str, Any]) -> None:
    workflow = _create(definition)

    with pytest.raises(InvalidDraft) as refused:
        _save(workflow, {**definition, "slug": "other"})

    assert refused.value.problems[0].code == "slug_changed"


def test_disabling_is_noted_once(definition: dict[str, Any]) -> None:
    workflow = _create(definition)
    _publish(workflow)

    for _ in range(2):
        workflow = set_enabled(workflow_id=workflow.pk, is_enabled=False, actor=ACTOR, now=NOW)

    assert workflow.state == "disabled"
    assert _audited(workflow).count("workflow.disable") == 1
    assert set_enabled(workflow_id=workflow.pk, is_enabled=True, actor=ACTOR, now=NOW).state == "live"


def test_an_unknown_workflow_is_not_found() -> None:
    with pytest.raises(NotFound):
        publish_version(workflow_id=uuid4(), expected_revision=1, actor=ACTOR, now=NOW)


def test_what_runs_is_told_to_the_host_in_the_same_transaction(definition: dict[str, Any]) -> None:
    from automate_tenants.models import DispatchTenant

    def noted() -> list[int]:
        return list(DispatchTenant.objects.order_by("pk").values_list("config_version", flat=True))

    workflow = _create(definition)
    before = noted()
    with transaction.atomic():
        _publish(workflow)
        changed = noted()
        transaction.set_rollback(True)

    assert sum(changed) == sum(before) + 1
    assert noted() == before


def test_a_warning_does_not_keep_a_draft_from_being_published(definition: dict[str, Any]) -> None:
    workflow = _create({**definition, "rule": {">": [{"var": "payload.amount"}, "100"]}})

    assert _publish(workflow).version_num == 1


def test_a_removed_workflow_runs_no_more_and_comes_back_as_it_was(definition: dict[str, Any]) -> None:
    workflow = _create(definition)
    version = _publish(workflow)

    removed = remove_workflow(workflow_id=workflow.pk, actor=ACTOR, now=NOW)

    assert (removed.is_enabled, removed.removed_at) == (False, NOW)
    assert workflow.pk not in Workflow.objects.kept().values_list("pk", flat=True)
    for refused in (
        lambda: _save(removed, {**definition, "rule": None}),
        lambda: _publish(removed),
        lambda: set_enabled(workflow_id=workflow.pk, is_enabled=True, actor=ACTOR, now=NOW),
        lambda: remove_workflow(workflow_id=workflow.pk, actor=ACTOR, now=NOW),
        lambda: start_direct(workflow.slug, {}),
    ):
        with pytest.raises(NotFound):
            refused()

    back = restore_workflow(workflow_id=workflow.pk, is_enabled=True, actor=ACTOR, now=NOW)

    assert (back.state, back.active_version_id, back.removed_at) == ("live", version.pk, None)
    assert _audited(workflow)[2:] == ["workflow.disable", "workflow.remove", "workflow.restore", "workflow.enable"]
    with pytest.raises(NotFound):
        restore_workflow(workflow_id=uuid4(), is_enabled=True, actor=ACTOR, now=NOW)


def test_the_slug_of_a_removed_workflow_stays_taken_and_an_import_brings_it_back(definition: dict[str, Any]) -> None:
    workflow = _create(definition)
    _publish(workflow)
    remove_workflow(workflow_id=workflow.pk, actor=ACTOR, now=NOW)

    with pytest.raises(Conflict, match="bring it back"):
        _create(definition)

    [imported] = import_definitions([("file", {**definition, "rule": None})], actor=ACTOR, now=NOW)
    workflow.refresh_from_db()
    assert (imported.outcome, workflow.state, workflow.removed_at) == ("updated", "live", None)
    assert workflow.versions.count() == 2
