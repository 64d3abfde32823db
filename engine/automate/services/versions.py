"""Back to an earlier version.

A version never changes and none is taken back: going back makes a new version that says what the earlier one said, so
the history stays what happened, and runs in flight keep theirs.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from automate.definitions import Draft, find_problems
from automate.models import Workflow, WorkflowVersion
from automate.services.errors import InvalidDraft
from automate.services.problems import find_all_problems
from automate.services.workflows import locked, make_live, record, refuse_foreign_secrets
from automate_governance.errors import Conflict, NotFound


@transaction.atomic
def rollback(
    *,
    workflow_id: UUID,
    version_num: int,
    actor: str,
    now: datetime,
    expected_version_num: int | None = None,
    note: str = "",
) -> WorkflowVersion:
    """Make what version `version_num` said live again, as a new version; the next event uses it.

    The draft follows, unless it holds changes that were never published: those stay. Going back to what runs makes no
    new version; what runs is returned. `expected_version_num` is the version that ran when the caller decided. Raises
    NotFound, Conflict when another one runs by now, and InvalidDraft when the version cannot run any more, such as for
    a connector that is gone; nothing is written then.
    """
    workflow = locked(workflow_id)
    active = workflow.active_version
    if expected_version_num is not None and (active is None or active.version_num != expected_version_num):
        runs = active.version_num if active else None
        message = "Another version was published since. Look at what runs now, and decide again."
        raise Conflict(message, details={"expected_version_num": expected_version_num, "version_num": runs})
    earlier = workflow.versions.filter(version_num=version_num).first()
    if earlier is None:
        raise NotFound("This workflow has no such version.", details={"version_num": version_num})
    definition = {"slug": workflow.slug, "name": workflow.name, **earlier.parts}
    if errors := [problem for problem in find_all_problems(definition) if problem.is_error]:
        raise InvalidDraft(errors)
    refuse_foreign_secrets(definition, actor)
    draft = Draft.parse(definition)
    if active is not None and draft.says_the_same_as(active.trigger_spec, active.rule, active.steps, active.options):
        return active
    follows = active is not None and _draft_says(workflow, active)
    version = make_live(workflow, draft, note=note or f"Back to version {version_num}", actor=actor, now=now)
    if follows:
        workflow.draft = definition
        workflow.draft_revision += 1
        workflow.save(update_fields=["draft", "draft_revision"])
    details = {"version": version.version_num, "back_to": version_num, "note": version.note}
    record(workflow, "workflow.rollback", actor, now, details)
    return version


def _draft_says(workflow: Workflow, version: WorkflowVersion) -> bool:
    said = workflow.draft
    if any(problem.is_error for problem in find_problems(said)):
        return False
    return Draft.parse(said).says_the_same_as(version.trigger_spec, version.rule, version.steps, version.options)
