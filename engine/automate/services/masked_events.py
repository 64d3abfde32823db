"""Whether e-mail addresses of an event are masked: by the policy here, or by that of a workflow it was decided about.

An event belongs to nobody; whoever masks addresses masks them for all who look at it. What is stored stays as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from automate.models import Event, MatchDecision, WorkflowVersion
from automate.services.why import Why
from automate_governance.redaction.current import masking_emails, masks_emails


@contextmanager
def masked_for(event: Event, whys: Iterable[Why] | None = None) -> Iterator[None]:
    """Within this block what is redacted is redacted as for `event`.

    `whys`: what was decided about it, where that is known; else one query, and none where all is masked anyway.
    """
    if whys is not None:
        is_masked = any(why.masks_emails for why in whys)
    else:
        is_masked = not masks_emails() and _is_masked_by_a_workflow(event)
    with masking_emails(is_masked):
        yield


def _is_masked_by_a_workflow(event: Event) -> bool:
    decided = MatchDecision.objects.filter(event_id=event.pk).values("version_id")
    return WorkflowVersion.objects.filter(pk__in=decided, options__policy__mask_emails=True).exists()
