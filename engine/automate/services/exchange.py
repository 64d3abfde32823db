"""Definitions in and out as files: an import that may be repeated, an export that is the same byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import transaction

from automate.definitions import Draft, Problem
from automate.definitions.canonical import canonical, same
from automate.models import Workflow, WorkflowVersion
from automate.services.errors import InvalidImport
from automate.services.problems import find_all_problems
from automate.services.workflows import create_workflow, publish_version, restore_workflow, save_draft

Outcome = Literal["created", "updated", "unchanged"]
_ORDER = ("slug", "name", "note", "trigger", "rule", "steps", "finally")
_STEP_ORDER = (
    "id", "name", "note", "needs", "when", "foreach", "connector", "action", "params", "retry", "timeout_seconds",
    "idempotent", "on_error", "compensate",
)  # fmt: skip


@dataclass(frozen=True)
class Imported:
    """What became of one document. `version_num` is what runs afterwards; None when nothing is published."""

    source: str
    slug: str
    outcome: Outcome
    version_num: int | None


def export_definition(version: WorkflowVersion) -> str:
    """The version as the JSON file that `automate_import` takes, ending in a newline.

    Fields stand in their documented order, other keys in alphabetical order, so that the same version always gives
    the same bytes, also after it was imported elsewhere and exported there.
    """
    document: dict[str, Any] = {"slug": version.workflow.slug, "name": version.workflow.name}
    if version.note:
        document["note"] = version.note
    document["trigger"] = {"type": version.trigger_spec["type"], **canonical(version.trigger_spec)}
    document["rule"] = canonical(version.rule)
    document["steps"] = [_ordered(canonical(step), _STEP_ORDER) for step in version.steps]
    document.update(canonical(version.options))
    if "finally" in document:
        document["finally"] = [_ordered(step, _STEP_ORDER) for step in document["finally"]]
    return json.dumps(_ordered(document, _ORDER), indent=2, ensure_ascii=False) + "\n"


def import_definitions(
    documents: Iterable[tuple[str, Any]], *, actor: str, now: datetime, publish: bool = True, dry_run: bool = False
) -> list[Imported]:
    """Bring the workflows named by the documents' slugs to what the documents say: all of them, or none.

    `documents` are (source, definition); a source is what problems are reported under, such as a file's name. With
    `publish` a change goes live as a new version; without, it is left as the draft. A document that says what is there
    already changes nothing. `dry_run` tells what would happen and writes nothing. Raises InvalidImport with the
    problems of every document.
    """
    listed = list(documents)
    _refuse_problems(listed)
    with transaction.atomic():
        imported = [_import(source, definition, actor, now, publish) for source, definition in listed]
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


def _import(source: str, definition: dict[str, Any], actor: str, now: datetime, publish: bool) -> Imported:
    draft = Draft.parse(definition)
    workflow = Workflow.objects.select_for_update().filter(slug=draft.slug).first()
    outcome: Outcome = "unchanged"
    if workflow is None:
        workflow = create_workflow(definition=definition, actor=actor, now=now)
        outcome = "created"
    elif workflow.removed_at is not None:
        workflow = restore_workflow(workflow_id=workflow.pk, is_enabled=publish, actor=actor, now=now)
        outcome = "updated"
    if not same(workflow.draft, definition):
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
    return Imported(source, draft.slug, outcome, version.version_num if version else None)


def _ordered(document: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    known = {name: document[name] for name in order if name in document}
    return {**known, **{name: value for name, value in document.items() if name not in known}}
