"""The trash and its neighbours: purging, taking back to a draft, tags, copies, and what stops with a workflow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from automate.execution.direct import start_direct
from automate.ids import new_id
from automate.models import AuditLogEntry, ExecutionRun, Schedule, Workflow, WorkflowVersion
from automate.retention import Retention, purge
from automate.services import (
    create_workflow,
    dependents_of,
    duplicate_workflow,
    publish_again,
    publish_version,
    purge_workflow,
    remove_workflow,
    restore_workflow,
    save_draft,
    set_enabled,
    set_tags,
    unpublish,
)
from automate_governance.errors import Conflict, Invalid, NotFound
from tests.engine.automate.services.conftest import NOW

pytestmark = pytest.mark.usefixtures("workspace")
BY: dict[str, Any] = {"actor": "user:1", "now": NOW}


def live(definition: dict[str, Any], **changes: Any) -> Workflow:
    workflow = create_workflow(definition={**definition, **changes}, **BY)
    publish_version(workflow_id=workflow.pk, expected_revision=1, **BY)
    return Workflow.objects.get(pk=workflow.pk)


def run_of(workflow: Workflow, status: str = "succeeded") -> ExecutionRun:
    return ExecutionRun.objects.create(
        id=new_id(), event_id=uuid4(), workflow_id=workflow.pk, version=workflow.active_version, trace_id=uuid4(),
        status=status, created_at=NOW, ended_at=NOW if status == "succeeded" else None,
    )  # fmt: skip


def pass_retention(*, days: int) -> Any:
    return purge(now=NOW + timedelta(days=days), retention=Retention(days=30))


def test_purging_needs_the_name_and_frees_the_slug_while_runs_stay_readable(definition: dict[str, Any]) -> None:
    workflow = live(definition)
    run = run_of(workflow)
    with pytest.raises(NotFound):  # only what is in the trash
        purge_workflow(workflow_id=workflow.pk, name=workflow.name, **BY)
    remove_workflow(workflow_id=workflow.pk, **BY)
    with pytest.raises(Invalid, match="exactly"):
        purge_workflow(workflow_id=workflow.pk, name="Order", **BY)

    purge_workflow(workflow_id=workflow.pk, name="Order flow", **BY)

    purged = Workflow.objects.get(pk=workflow.pk)
    assert (purged.draft, purged.name, purged.active_version) == ({}, "Order flow", None)
    assert list(Workflow.objects.in_trash()) == []
    assert ExecutionRun.objects.select_related("version__workflow").get(pk=run.pk).version.steps == definition["steps"]
    with pytest.raises(NotFound):
        restore_workflow(workflow_id=workflow.pk, is_enabled=True, **BY)
    assert create_workflow(definition=definition, **BY).slug == "order-flow"
    assert AuditLogEntry.objects.get(action="workflow.purge").details == {"slug": "order-flow", "name": "Order flow"}


def test_a_run_that_has_not_ended_keeps_its_workflow_from_being_purged(definition: dict[str, Any]) -> None:
    workflow = live(definition)
    run = run_of(workflow, "waiting")
    remove_workflow(workflow_id=workflow.pk, **BY)

    with pytest.raises(Conflict, match="1 of its runs has not ended"):
        purge_workflow(workflow_id=workflow.pk, name=workflow.name, **BY)
    pass_retention(days=31)
    assert Workflow.objects.in_trash().get() == workflow

    ExecutionRun.objects.filter(pk=run.pk).update(status="succeeded", ended_at=NOW)
    pass_retention(days=31)
    assert not Workflow.objects.in_trash().exists()


def test_the_trash_is_emptied_after_30_days_and_the_rest_leaves_with_the_last_run(definition: dict[str, Any]) -> None:
    kept, gone = live({**definition, "slug": "kept"}), live(definition)
    run_of(gone)
    remove_workflow(workflow_id=gone.pk, **BY)

    pass_retention(days=29)
    assert Workflow.objects.in_trash().get() == gone
    pass_retention(days=31)
    assert Workflow.objects.get(pk=gone.pk).purged_at == NOW + timedelta(days=31)
    purged = pass_retention(days=62)

    assert (purged["workflow"], purged["workflowversion"]) == (1, 1)
    assert not Workflow.objects.filter(pk=gone.pk).exists()
    assert not WorkflowVersion.objects.filter(workflow_id=gone.pk).exists()
    assert Workflow.objects.get(pk=kept.pk).state == "live"


@pytest.mark.postgresql("triggers")
def test_versions_leave_only_with_a_purged_workflow(definition: dict[str, Any]) -> None:
    workflow = live(definition)
    remove_workflow(workflow_id=workflow.pk, **BY)
    Workflow.objects.filter(pk=workflow.pk).update(active_version=None)

    for statement in (
        "SELECT automate_drop_versions(%s)",
        "DELETE FROM automate_workflowversion WHERE workflow_id = %s",
    ):
        with pytest.raises(DatabaseError, match=r"immutable|denied"), transaction.atomic():
            connection.cursor().execute(statement, [workflow.pk])
    assert WorkflowVersion.objects.filter(workflow_id=workflow.pk).count() == 1


def test_unpublished_it_is_a_draft_that_nothing_starts_until_it_is_undone(definition: dict[str, Any]) -> None:
    workflow = live(definition, trigger={"type": "schedule", "cron": "0 9 * * *"})

    assert unpublish(workflow_id=workflow.pk, **BY) == 1

    workflow.refresh_from_db()
    assert (workflow.state, workflow.versions.count()) == ("draft", 1)
    assert not Schedule.objects.get(workflow=workflow).is_active
    with pytest.raises(Conflict):
        start_direct(workflow.slug, {})
    assert unpublish(workflow_id=workflow.pk, **BY) is None

    again = publish_again(workflow_id=workflow.pk, version_num=1, **BY)

    workflow.refresh_from_db()
    assert (workflow.state, workflow.active_version_id, workflow.versions.count()) == ("live", again.pk, 1)
    assert Schedule.objects.get(workflow=workflow).is_active
    with pytest.raises(NotFound):
        publish_again(workflow_id=workflow.pk, version_num=2, **BY)


def test_undoing_an_unpublishing_never_replaces_what_was_published_since(definition: dict[str, Any]) -> None:
    workflow = live(definition)
    unpublish(workflow_id=workflow.pk, **BY)
    save_draft(workflow_id=workflow.pk, definition={**definition, "rule": None}, expected_revision=1, **BY)
    publish_version(workflow_id=workflow.pk, expected_revision=2, **BY)

    with pytest.raises(Conflict, match="Version 2 is live"):
        publish_again(workflow_id=workflow.pk, version_num=1, **BY)


def test_tags_are_tidied_told_once_and_refused_where_they_are_none(definition: dict[str, Any]) -> None:
    workflow = create_workflow(definition=definition, **BY)

    for _ in range(2):
        workflow = set_tags(workflow_id=workflow.pk, tags=["Sales", " sales ", "eu  team"], **BY)

    assert workflow.tags == ["eu team", "sales"]
    assert AuditLogEntry.objects.get(action="workflow.tag").details == {"before": [], "after": ["eu team", "sales"]}
    for refused in (["<b>"], ["x" * 41], [f"t{n}" for n in range(21)]):
        with pytest.raises(Invalid):
            set_tags(workflow_id=workflow.pk, tags=refused, **BY)


def test_a_copy_is_a_draft_of_its_own_with_the_first_free_name(definition: dict[str, Any]) -> None:
    workflow = live(definition)
    set_tags(workflow_id=workflow.pk, tags=["sales"], **BY)

    first = duplicate_workflow(workflow_id=workflow.pk, **BY)
    second = duplicate_workflow(workflow_id=workflow.pk, **BY)
    named = duplicate_workflow(workflow_id=workflow.pk, slug="other", name="Other", **BY)

    assert [(w.slug, w.name, w.state) for w in (first, second, named)] == [
        ("order-flow-copy", "Order flow (copy)", "draft"),
        ("order-flow-copy-2", "Order flow (copy 2)", "draft"),
        ("other", "Other", "draft"),
    ]
    assert first.draft == {**definition, "slug": first.slug, "name": first.name}
    assert first.tags == ["sales"]
    with pytest.raises(Conflict):
        duplicate_workflow(workflow_id=workflow.pk, slug="order-flow", **BY)


def test_what_stops_is_the_schedule_the_webhook_that_feeds_only_it_and_those_who_call_it(
    definition: dict[str, Any],
) -> None:
    call = {"id": "call", "connector": "core", "action": "run_workflow", "params": {"workflow": "order-flow"}}
    says = {"id": "says", "connector": "core", "action": "log", "params": {"message": "order-flow"}}
    workflow = live(definition, trigger={"type": "webhook", "endpoint": "default"})
    parent = live(definition, slug="parent", steps=[{**says, "on_error": {"steps": [call], "then": "fail"}}])
    after = live(definition, slug="after", trigger={"type": "workflow", "workflow": "order-flow", "on": ["failed"]})
    live(definition, slug="only-says", steps=[says])
    live(definition, slug="other", trigger={"type": "webhook", "endpoint": "default"})
    run_of(workflow, "waiting")

    found = dependents_of(workflow)

    assert (found.callers, found.listeners, found.unfinished) == ([parent], [after], 1)
    assert (found.endpoint, found.schedule) == (None, None)  # others listen there, too
    for one in Workflow.objects.filter(slug__in=["other", "sample"]):
        set_enabled(workflow_id=one.pk, is_enabled=False, **BY)
    assert dependents_of(workflow).endpoint == "default"
    timed = live(definition, slug="timed", trigger={"type": "schedule", "cron": "0 9 * * *"})
    assert dependents_of(timed).schedule == Schedule.objects.get(workflow=timed)
    assert not dependents_of(create_workflow(definition={**definition, "slug": "drafted"}, **BY))
