"""A workflow made from another one's draft."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from automate.models import Workflow
from automate.services.workflows import create_workflow, not_found, touch

_SLUG_CHARS, _NAME_CHARS = 60, 120


@transaction.atomic
def duplicate_workflow(
    *, workflow_id: UUID, actor: str, now: datetime, slug: str | None = None, name: str | None = None
) -> Workflow:
    """A new draft that says what the workflow's draft says, rule, test cases and tags included; nothing of it runs.

    Without `slug` and `name` it gets the first free ones: `orders-copy`, "Orders (copy)". Raises NotFound, InvalidDraft
    for a slug or name that is none, and Conflict for one that is taken.
    """
    workflow = Workflow.objects.kept().filter(pk=workflow_id).first()
    if workflow is None:
        raise not_found(workflow_id)
    number = 0 if slug else _free(workflow.slug)
    definition = {
        **workflow.draft,
        "slug": slug or _slug(workflow.slug, number),
        "name": name or f"{workflow.name[: _NAME_CHARS - 12]} (copy{f' {number}' if number > 1 else ''})",
    }
    made = create_workflow(definition=definition, actor=actor, now=now)
    if workflow.tags:
        made.tags = workflow.tags
        touch(made, actor, now, "tags")
    return made


def _free(slug: str) -> int:
    """The smallest number whose copy there is not; those in the trash have theirs still."""
    taken = set(Workflow.objects.filter(slug__startswith=slug[: _SLUG_CHARS - 12]).values_list("slug", flat=True))
    number = 1
    while _slug(slug, number) in taken:
        number += 1
    return number


def _slug(slug: str, number: int) -> str:
    """
    >>> _slug("orders", 1), _slug("orders", 2), len(_slug("a" * 60, 12))
    ('orders-copy', 'orders-copy-2', 56)
    """
    return f"{slug[: _SLUG_CHARS - 12].rstrip('-')}-copy{f'-{number}' if number > 1 else ''}"
