"""The trash: a removed workflow can be brought back for 30 days; then, or when somebody says so, it is purged.

In the trash it is disabled and in no list; no event starts it, runs already started go on, and what ran stays readable.
Purged, its draft, tags and test cases are gone and its slug is free. What runs still refer to, its versions, leaves
with the last of them (`automate.retention`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from automate import host
from automate.models import Workflow
from automate.services.dependents import unfinished_runs
from automate.services.live import set_enabled
from automate.services.workflows import not_found, record, touch
from automate_governance.errors import Conflict, Invalid

KEPT = timedelta(days=30)


@transaction.atomic
def remove_workflow(*, workflow_id: UUID, actor: str, now: datetime) -> Workflow:
    """Move the workflow to the trash; no event starts it. Its runs stay, those already started go on.

    Raises NotFound, also when it was removed already.
    """
    workflow = set_enabled(workflow_id=workflow_id, is_enabled=False, actor=actor, now=now)
    workflow.removed_at = now
    touch(workflow, actor, now, "removed_at")
    host.current().config_changed()
    record(workflow, "workflow.remove", actor, now, {"slug": workflow.slug})
    return workflow


@transaction.atomic
def restore_workflow(*, workflow_id: UUID, is_enabled: bool, actor: str, now: datetime) -> Workflow:
    """Bring a removed workflow back, enabled or not, with its draft and versions. Raises NotFound, also when purged."""
    workflow = Workflow.objects.select_for_update().filter(pk=workflow_id, purged_at=None).first()
    if workflow is None:
        raise not_found(workflow_id)
    if workflow.removed_at is not None:
        workflow.removed_at = None
        touch(workflow, actor, now, "removed_at")
        record(workflow, "workflow.restore", actor, now, {"slug": workflow.slug})
    return set_enabled(workflow_id=workflow_id, is_enabled=is_enabled, actor=actor, now=now)


@transaction.atomic
def purge_workflow(*, workflow_id: UUID, name: str, actor: str, now: datetime) -> None:
    """Empty one workflow out of the trash for good. `name` is its name, typed again by whoever means it.

    Raises NotFound unless it is in the trash, Invalid for another name, and Conflict while a run of it has not ended:
    that run still needs what would go.
    """
    workflow = Workflow.objects.in_trash().select_for_update().filter(pk=workflow_id).first()
    if workflow is None:
        raise not_found(workflow_id)
    if name.strip() != workflow.name.strip():
        raise Invalid("Type the workflow's name exactly as it is shown.", details={"param": "name"})
    if unfinished := unfinished_runs(workflow_id):
        raise Conflict(
            f"{unfinished} of its runs {'has' if unfinished == 1 else 'have'} not ended. Cancel them, or wait.",
            details={"unfinished_runs": unfinished},
        )
    empty(workflow, actor=actor, now=now)


def empty(workflow: Workflow, *, actor: str, now: datetime) -> None:
    """Purge the workflow, which the caller has locked. What no run refers to leaves with the next retention pass."""
    record(workflow, "workflow.purge", actor, now, {"slug": workflow.slug, "name": workflow.name})
    workflow.purged_at = now
    workflow.active_version = None
    workflow.draft, workflow.tags = {}, []
    workflow.slug = f"{workflow.slug[:50]}~{workflow.pk.hex[-8:]}"  # nobody can ask for it: no slug has a tilde
    touch(workflow, actor, now, "purged_at", "active_version", "draft", "tags", "slug")
