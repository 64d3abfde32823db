"""Whether events start a workflow: enabled or disabled, and published or taken back to a draft.

Neither touches a run: those already started go on with their version.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from automate import host
from automate.models import Workflow, WorkflowVersion
from automate.services.errors import InvalidDraft
from automate.services.problems import find_all_problems
from automate.services.workflows import locked, record, refuse_foreign_secrets, touch
from automate.triggers import following as triggers
from automate_governance.errors import Conflict, NotFound


@transaction.atomic
def set_enabled(*, workflow_id: UUID, is_enabled: bool, actor: str, now: datetime) -> Workflow:
    """Let events start the workflow, or not. Runs already started go on. Raises NotFound."""
    workflow = locked(workflow_id)
    if workflow.is_enabled == is_enabled:
        return workflow
    workflow.is_enabled = is_enabled
    touch(workflow, actor, now, "is_enabled")
    host.current().config_changed()
    triggers.follow(workflow, now=now)
    record(workflow, "workflow.enable" if is_enabled else "workflow.disable", actor, now, {})
    return workflow


@transaction.atomic
def unpublish(*, workflow_id: UUID, actor: str, now: datetime) -> int | None:
    """Make the workflow a draft again: no version is live, its versions stay. Returns the number of the one that was.

    None, and nothing changed, where none was live. Raises NotFound.
    """
    workflow = locked(workflow_id)
    was = workflow.active_version
    if was is None:
        return None
    workflow.active_version = None
    touch(workflow, actor, now, "active_version")
    host.current().config_changed()
    triggers.follow(workflow, now=now)
    record(workflow, "workflow.unpublish", actor, now, {"version": was.version_num})
    return was.version_num


@transaction.atomic
def publish_again(*, workflow_id: UUID, version_num: int, actor: str, now: datetime) -> WorkflowVersion:
    """Make an unpublished workflow's version live as it is: what undoes `unpublish`.

    Raises NotFound, Conflict when another version is live by now, InvalidDraft when it cannot run any more.
    """
    workflow = locked(workflow_id)
    version = workflow.versions.filter(version_num=version_num).first()
    if version is None:
        raise NotFound("This workflow has no such version.", details={"version_num": version_num})
    if workflow.active_version is not None:
        if workflow.active_version_id == version.pk:
            return version
        live = workflow.active_version.version_num
        raise Conflict(f"Version {live} is live by now.", details={"version_num": live})
    definition = {"slug": workflow.slug, "name": workflow.name, **version.parts}
    if errors := [problem for problem in find_all_problems(definition) if problem.is_error]:
        raise InvalidDraft(errors)
    refuse_foreign_secrets(definition, actor)
    workflow.active_version = version
    touch(workflow, actor, now, "active_version")
    host.current().config_changed()
    triggers.follow(workflow, now=now)
    record(workflow, "workflow.publish", actor, now, {"version": version_num, "note": "Unpublishing undone"})
    return version
