"""Tags: names by which people find workflows. They are no part of a definition, and nothing that runs asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from automate.models import Workflow
from automate.services.workflows import locked, record, touch
from automate_governance.errors import Invalid

MOST = 20
_TAG = re.compile(r"[\w][\w .:/-]{0,38}[\w]|[\w]")


@transaction.atomic
def set_tags(*, workflow_id: UUID, tags: Iterable[str], actor: str, now: datetime) -> Workflow:
    """Give the workflow exactly these tags; what is there already changes nothing. Raises NotFound and Invalid."""
    wanted = tidy(tags)
    workflow = locked(workflow_id)
    if workflow.tags == wanted:
        return workflow
    before, workflow.tags = workflow.tags, wanted
    touch(workflow, actor, now, "tags")
    record(workflow, "workflow.tag", actor, now, {"before": before, "after": wanted})
    return workflow


def tidy(tags: Iterable[str]) -> list[str]:
    """Each once, lower case, single spaces, in alphabetical order. Raises Invalid for too many, or one that is none.

    >>> tidy([" Billing", "billing", "to  do", ""])
    ['billing', 'to do']
    """
    found = sorted({" ".join(tag.lower().split()) for tag in tags} - {""})
    if len(found) > MOST:
        raise Invalid(f"A workflow has at most {MOST} tags.", details={"param": "tags"})
    for tag in found:
        if not _TAG.fullmatch(tag):
            raise Invalid(
                f"“{tag[:60]}” is no tag: 1 to 40 letters and digits, within them spaces and . : / - _",
                details={"param": "tags"},
            )
    return found
