"""Definitions in and out as files: an import that may be repeated, an export that is the same byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import transaction

from automate.definitions import Draft, Problem
from automate.definitions.canonical import same
from automate.definitions.written import write
from automate.models import Workflow, WorkflowVersion
from automate.services.errors import InvalidImport
from automate.services.problems import find_all_problems
from automate.services.trash import restore_workflow
from automate.services.version_diff import VersionDiff, diff_definitions
from automate.services.workflows import create_workflow, publish_version, save_draft
from automate_governance.errors import Conflict

Outcome = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True)
class Imported:
    """What became of one document. `version_num` is what runs afterwards; None when nothing is published.

    `state` names what was there before: whoever looks first and imports later sends it along. `changes` are those to
    what ran (of an import that does not publish: to the draft); None where there was nothing.
    """

    source: str
    slug: str
    outcome: Outcome
    version_num: int | None
    state: str
    changes: VersionDiff | None


def export_definition(version: WorkflowVersion) -> str:
    """The version as the JSON file that `automate_import` takes, ending in a newline.

    Fields stand in their documented order, other keys in alphabetical order, so that the same version always gives
    the same bytes, also after it was imported elsewhere and exported there.
    """
    return write(version.definition)


def import_definitions(
    documents: Iterable[tuple[str, Any]],
    *,
    actor: str,
    now: datetime,
    publish: bool = True,
    dry_run: bool = False,
    expected: Mapping[str, str] | None = None,
) -> list[Imported]:
    """Bring the workflows named by the documents' slugs to what the documents say: all of them, or none.

    `documents` are (source, definition); a source is what problems are reported under, such as a file's name. With
    `publish` a change goes live as a new version; without, it is left as the draft. A document that says what is there
    already changes nothing. `dry_run` tells what would happen and writes nothing. `expected` holds for each slug the
    `state` that a dry run told. Raises InvalidImport with the problems of every document, and Conflict when a workflow
    is no longer in its expected state.
    """
    listed = list(documents)
    _refuse_problems(listed)
    with transaction.atomic():
        imported = [_import(source, definition, actor, now, publish, expected) for source, definition in listed]
        transaction.set_rollback(dry_run)
    return imported


def _refuse_problems(documents: list[tuple[str, Any]]) -> None:
    problems: dict[str, list[Problem]] = {}
    first_seen: dict[str, str] = {}
    for source, definition in documents:
        found = [problem for problem in find_all_problems(definition) if problem.is_error]
        slug = definition.get("slug") if isinstance(definition, dict) else None
        if isinstance(slug, str):
            if slug in first_seen:
                message = f'"{slug}" is the slug of {first_seen[slug]} already.'
                found.append(Problem("/slug", "duplicate_slug", message))
            first_seen.setdefault(slug, source)
        if found:
            problems.setdefault(source, []).extend(found)
    if problems:
        raise InvalidImport(problems)


def _import(
    source: str,
    definition: dict[str, Any],
    actor: str,
    now: datetime,
    publish: bool,
    expected: Mapping[str, str] | None,
) -> Imported:
    draft = Draft.parse(definition)
    workflow = Workflow.objects.select_for_update().filter(slug=draft.slug).first()
    state = _state(workflow)
    if expected is not None and expected.get(draft.slug) != state:
        raise Conflict(
            f'"{draft.slug}" was changed meanwhile. Look at what the import would change now, and decide again.',
            details={"slug": draft.slug, "state": state},
        )
    before = _before(workflow, publish)
    outcome: Outcome = "unchanged"
    if workflow is None:
        workflow = create_workflow(definition=definition, actor=actor, now=now)
        outcome = "created"
    elif workflow.removed_at is not None:
        workflow = restore_workflow(workflow_id=workflow.pk, is_enabled=publish, actor=actor, now=now)
        outcome = "updated"
    if not same(_said(workflow.draft), _said(definition)):
        workflow = save_draft(
            workflow_id=workflow.pk,
            definition=definition,
            expected_revision=workflow.draft_revision,
            actor=actor,
            now=now,
        )
        outcome = "updated"
    version = workflow.active_version
    if publish:
        published = publish_version(
            workflow_id=workflow.pk, expected_revision=workflow.draft_revision, actor=actor, now=now
        )
        if outcome == "unchanged" and (version is None or version.pk != published.pk):
            outcome = "updated"
        version = published
    changes = diff_definitions(before, definition) if before is not None else None
    return Imported(source, draft.slug, outcome, version.version_num if version else None, state, changes)


def _said(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition in one form: no rule and a rule of null say the same, and so do no note and an empty one."""
    written = {name: value for name, value in definition.items() if name != "$schema"}
    return {**written, "rule": definition.get("rule"), "note": definition.get("note", "")}


def _state(workflow: Workflow | None) -> str:
    """What two people who look at the same thing both see, and nobody after a change."""
    if workflow is None:
        return "none"
    version = workflow.active_version.version_num if workflow.active_version else 0
    return f"{workflow.draft_revision}.{version}{'.removed' if workflow.removed_at else ''}"


def _before(workflow: Workflow | None, publish: bool) -> dict[str, Any] | None:
    if workflow is None:
        return None
    if publish and workflow.active_version is not None:
        return workflow.active_version.definition
    return None if publish else dict(workflow.draft)
