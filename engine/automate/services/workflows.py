"""Workflows and their versions: create, save the draft, publish.

Of two people who change one workflow at the same time the second is told (Conflict): each names the draft's revision it
saw. A version never changes; runs already started keep theirs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from automate import host
from automate.definitions import Draft, Problem, find_problems, pointer
from automate.definitions.bounds import find_bound_problems
from automate.definitions.canonical import same
from automate.definitions.flow_checks import NAMES as FLOW_NAMES
from automate.models import Workflow, WorkflowVersion
from automate.policy.unkept import find_unkept
from automate.secrets import references
from automate.services import audit
from automate.services.errors import InvalidDraft
from automate.services.problems import find_all_problems
from automate.triggers import following as triggers
from automate_governance.errors import Conflict, NotFound
from automate_governance.secrets import SecretNotAllowed


@transaction.atomic
def create_workflow(*, definition: dict[str, Any], actor: str, now: datetime, is_sample: bool = False) -> Workflow:
    """A new workflow with `definition` as its draft. Nothing runs before `publish_version`.

    A draft may be unfinished; it needs a slug and a name. Raises InvalidDraft, and Conflict when the slug is taken.
    """
    _refuse_unsavable(definition)
    refuse_foreign_secrets(definition, actor)
    try:
        with transaction.atomic():
            workflow = Workflow.objects.create(
                slug=definition["slug"],
                name=definition["name"],
                draft=definition,
                is_sample=is_sample,
                created_at=now,
                updated_at=now,
                updated_by=actor[:200],
            )
    except IntegrityError as error:
        slug = definition["slug"]
        removed = Workflow.objects.filter(slug=slug).exclude(removed_at=None).exists()
        hint = " It is in the trash: bring it back, or choose another slug." if removed else ""
        raise Conflict(f'There is a workflow "{slug}" already.{hint}', details={"slug": slug}) from error
    record(workflow, "workflow.create", actor, now, {"slug": workflow.slug})
    return workflow


@transaction.atomic
def save_draft(
    *, workflow_id: UUID, definition: dict[str, Any], expected_revision: int, actor: str, now: datetime
) -> Workflow:
    """Replace the draft; what runs stays as it is. The same content again changes nothing.

    Raises NotFound, Conflict when the draft is no longer at `expected_revision`, and InvalidDraft when it has no slug
    or name, another slug than the workflow, is too large, or holds a secret's value. Other problems may wait.
    """
    workflow = locked(workflow_id)
    _refuse_stale(workflow, expected_revision)
    _refuse_unsavable(definition)
    refuse_foreign_secrets(definition, actor)
    if definition["slug"] != workflow.slug:
        message = f'The slug of a workflow stays: "{workflow.slug}". For another name create another workflow.'
        raise InvalidDraft([Problem("/slug", "slug_changed", message)])
    if same(workflow.draft, definition):
        return workflow
    workflow.draft = definition
    workflow.name = definition["name"]
    workflow.draft_revision += 1
    touch(workflow, actor, now, "draft", "name", "draft_revision")
    record(workflow, "workflow.save", actor, now, {"revision": workflow.draft_revision})
    return workflow


@transaction.atomic
def publish_version(
    *, workflow_id: UUID, expected_revision: int, actor: str, now: datetime, note: str = ""
) -> WorkflowVersion:
    """Freeze the draft as the next version and make it what runs: the next event uses it.

    A draft that says what the active version says makes no new version; that one is returned. `note` (at most 300
    characters) says why; without it the definition's own note. Raises NotFound, Conflict when the draft is no longer
    at `expected_revision`, InvalidDraft with every error found; nothing is written then.
    Warnings do not keep it from being published.
    """
    workflow = locked(workflow_id)
    _refuse_stale(workflow, expected_revision)
    if errors := [problem for problem in find_all_problems(workflow.draft) if problem.is_error]:
        raise InvalidDraft(errors)
    refuse_foreign_secrets(workflow.draft, actor)
    draft = Draft.parse(workflow.draft)
    _refuse_what_is_not_kept(draft)
    active = workflow.active_version
    if active is not None and draft.says_the_same_as(active.trigger_spec, active.rule, active.steps, active.options):
        return active
    version = make_live(workflow, draft, note=note or draft.note, actor=actor, now=now)
    record(workflow, "workflow.publish", actor, now, {"version": version.version_num, "note": version.note})
    return version


def _refuse_what_is_not_kept(draft: Draft) -> None:
    """Places in queues are granted by functions of PostgreSQL; and rules of policy that nothing here keeps."""
    named = [name for name in FLOW_NAMES if draft.options.get(name)]
    if named and connection.vendor != "postgresql":
        message = f'"{named[0]}" needs PostgreSQL; this database is {connection.display_name}.'
        raise InvalidDraft([Problem(pointer(named[0]), "needs_postgresql", message)])
    if unkept := find_unkept(draft.options.get("policy") or {}, below="/policy"):
        raise InvalidDraft(unkept)


def make_live(workflow: Workflow, draft: Draft, *, note: str, actor: str, now: datetime) -> WorkflowVersion:
    """Freeze `draft` as the next version of the locked workflow, which runs from the next event on."""
    latest = workflow.versions.aggregate(latest=Max("version_num"))["latest"] or 0
    version = WorkflowVersion.objects.create(
        workflow=workflow,
        version_num=latest + 1,
        trigger_spec=draft.trigger,
        rule=draft.rule,
        steps=draft.steps,
        options=draft.options,
        note=note[:300],
        published_by=actor[:200],
        published_at=now,
    )
    workflow.active_version = version
    touch(workflow, actor, now, "active_version")
    host.current().config_changed()
    triggers.follow(workflow, now=now)
    return version


def locked(workflow_id: UUID) -> Workflow:
    """The workflow, held until the transaction ends: one change at a time. Raises NotFound; removed is not there."""
    try:
        return Workflow.objects.kept().select_for_update().get(pk=workflow_id)
    except Workflow.DoesNotExist:
        raise not_found(workflow_id) from None


def not_found(workflow_id: UUID) -> NotFound:
    return NotFound("There is no such workflow.", details={"id": str(workflow_id)})


def _refuse_stale(workflow: Workflow, expected_revision: int) -> None:
    if workflow.draft_revision != expected_revision:
        raise Conflict(
            "The workflow was changed since you opened it. Load it again and repeat your change.",
            details={"expected_revision": expected_revision, "revision": workflow.draft_revision},
        )


def _refuse_unsavable(definition: Any) -> None:
    """A draft may be unfinished, but has a name, fits, and never brings a secret into the database."""
    problems = find_bound_problems(definition)
    if not problems:
        problems = [problem for problem in find_problems(definition) if _keeps_from_saving(problem)]
    if problems:
        raise InvalidDraft(problems)


def refuse_foreign_secrets(definition: Any, actor: str) -> None:
    """Whoever saves or publishes a definition may use each secret it refers to, anywhere in it, or SecretNotAllowed."""
    here = host.current()
    refused = [name for name in sorted(references.names_in(definition)) if not here.may_use_secret(actor, name)]
    if refused:
        raise SecretNotAllowed(
            f"You may not use the secrets of this workspace, and the workflow refers to {', '.join(refused[:5])}.",
            details={"names": refused},
        )


def _keeps_from_saving(problem: Problem) -> bool:
    return problem.is_error and (
        problem.code in {"not_an_object", "secret_value"} or problem.path in {"/slug", "/name"}
    )


def touch(workflow: Workflow, actor: str, now: datetime, *fields: str) -> None:
    """Save these fields, with who changed them and when."""
    workflow.updated_at, workflow.updated_by = now, actor[:200]
    workflow.save(update_fields=[*fields, "updated_at", "updated_by"])


def record(workflow: Workflow, action: str, actor: str, now: datetime, details: dict[str, Any]) -> None:
    audit.record(actor=actor, action=action, resource=f"workflow:{workflow.pk}", details=details, now=now)
