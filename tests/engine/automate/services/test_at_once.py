"""Two people, one workflow, the same moment: one wins, the other is told, and nothing is half done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automate.models import AuditLogEntry, Workflow, WorkflowVersion
from automate.services import create_workflow, import_definitions, publish_version, save_draft
from automate_governance.errors import Conflict
from automate_tenants.context import tenant_scope
from tests.engine.automate.services.conftest import NOW
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db(transaction=True)
AtOnce = Callable[..., list[Any]]


@pytest.fixture
def workflow(tenant_a: Workspace, definition: dict[str, Any]) -> Workflow:
    with tenant_scope(tenant_a.ref):
        return create_workflow(definition=definition, actor="user:1", now=NOW)


def _in(workspace: Workspace, call: Callable[[], Any]) -> Callable[[], Any]:
    """`call` in the workspace's scope; a Conflict is its answer."""

    def run() -> Any:
        with tenant_scope(workspace.ref):
            try:
                return call()
            except Conflict as conflict:
                return conflict

    return run


def test_two_publishers_make_one_version(workflow: Workflow, tenant_a: Workspace, at_once: AtOnce) -> None:
    def publish() -> WorkflowVersion:
        return publish_version(workflow_id=workflow.pk, expected_revision=1, actor="user:1", now=NOW)

    first, second = at_once(_in(tenant_a, publish), _in(tenant_a, publish))

    assert first == second
    with tenant_scope(tenant_a.ref):
        assert workflow.versions.count() == 1
        entries = AuditLogEntry.objects.filter(resource=f"workflow:{workflow.pk}", action="workflow.publish")
        assert entries.count() == 1


def test_of_two_editors_one_is_told(
    workflow: Workflow, tenant_a: Workspace, definition: dict[str, Any], at_once: AtOnce
) -> None:
    def save(name: str) -> Callable[[], Workflow]:
        changed = {**definition, "name": name}
        return lambda: save_draft(
            workflow_id=workflow.pk, definition=changed, expected_revision=1, actor="user:1", now=NOW
        )

    answers = at_once(_in(tenant_a, save("One")), _in(tenant_a, save("Other")))

    told = [answer for answer in answers if isinstance(answer, Conflict)]
    [saved] = [answer for answer in answers if not isinstance(answer, Conflict)]
    assert len(told) == 1
    with tenant_scope(tenant_a.ref):
        workflow.refresh_from_db()
    assert (workflow.name, workflow.draft_revision) == (saved.name, 2)


def test_two_imports_of_one_file_make_one_version(
    workflow: Workflow, tenant_a: Workspace, definition: dict[str, Any], at_once: AtOnce
) -> None:
    def load() -> list[Any]:
        return import_definitions([("file.json", definition)], actor="system", now=NOW)

    answers = at_once(_in(tenant_a, load), _in(tenant_a, load))

    assert sorted(item.outcome for [item] in answers) == ["unchanged", "updated"]
    with tenant_scope(tenant_a.ref):
        assert workflow.versions.count() == 1


def test_two_creators_of_one_slug(tenant_a: Workspace, definition: dict[str, Any], at_once: AtOnce) -> None:
    def create() -> Workflow:
        return create_workflow(definition=definition, actor="user:1", now=NOW)

    answers = at_once(_in(tenant_a, create), _in(tenant_a, create))

    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "Workflow"]
    with tenant_scope(tenant_a.ref):
        assert Workflow.objects.filter(slug=definition["slug"]).count() == 1


def test_a_neighbour_sees_nothing_of_it(
    workflow: Workflow, tenant_a: Workspace, tenant_b: Workspace, definition: dict[str, Any]
) -> None:
    with tenant_scope(tenant_b.ref):
        assert not Workflow.objects.filter(slug=workflow.slug).exists()
        create_workflow(definition=definition, actor="user:2", now=NOW)
    with tenant_scope(tenant_a.ref):
        assert Workflow.objects.filter(slug=workflow.slug).count() == 1
