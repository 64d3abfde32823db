"""Replay: an event once more, as it was or with an edited payload, for every workflow that listens or for one.

A replay is an event of its own with runs of its own, linked to the first; its effects happen again. Masks in an edited
payload (`********`) keep the stored value: nobody has to see a value to send it again.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from automate import host, ids
from automate.execution.direct import start_for_event
from automate.ingest.body import read_json
from automate.models import Event, OutboxJob
from automate.outbox.due import due_now
from automate.services import audit
from automate_governance.errors import Invalid, NotFound
from automate_governance.redaction import MASK

_UNCHANGED: Any = object()


@transaction.atomic
def replay_event(
    *, event_id: UUID, actor: str, now: datetime, payload: Any = _UNCHANGED, workflow: str | None = None
) -> Event:
    """The new event. `payload` replaces the stored one; `workflow` (a slug) runs that one alone, past its rule.

    Raises NotFound for an event or workflow that does not exist, Conflict when nothing of the workflow is live, Invalid
    for a mask where nothing is stored, a Refusal for what cannot be stored.
    """
    first = Event.objects.filter(pk=event_id).first()
    if first is None:
        raise NotFound("There is no such event.", details={"id": str(event_id)})
    kept = first.payload if payload is _UNCHANGED else unmasked(payload, first.payload)
    text = json.dumps(kept, cls=DjangoJSONEncoder, allow_nan=False)
    read_json(text.encode())
    event = Event.objects.create(
        type=first.type,
        payload=json.loads(text),
        source=first.source,
        headers=first.headers,
        trace_id=ids.new_id(),
        received_at=now,
        replay_of=first.id,
    )
    if workflow is None:
        OutboxJob.objects.create(kind="event", event_id=event.id, available_at=due_now(), trace_id=event.trace_id)
        transaction.on_commit(host.current().ring)
    else:
        start_for_event(event, workflow, reason="replay", origin="replay", now=now)
    details = {"replay": str(event.id), "edited": payload is not _UNCHANGED, "workflow": workflow}
    audit.record(actor=actor, action="event.replay", resource=f"event:{first.id}", details=details, now=now)
    return event


def unmasked(edited: Any, stored: Any, path: str = "") -> Any:
    """`edited` with every mask replaced by what is stored at its place. Raises Invalid where nothing is.

    >>> unmasked({"token": "********", "n": 2}, {"token": "abc", "n": 1})
    {'token': 'abc', 'n': 2}
    """
    if edited == MASK:
        if stored is None:
            raise Invalid(f"A mask stands at {path or '/'}, and no value is stored there.", details={"path": path})
        return stored
    if isinstance(edited, dict):
        below = stored if isinstance(stored, dict) else {}
        return {key: unmasked(value, below.get(key), f"{path}/{key}") for key, value in edited.items()}
    if isinstance(edited, list):
        known = stored if isinstance(stored, list) else []
        return [
            unmasked(item, known[index] if index < len(known) else None, f"{path}/{index}")
            for index, item in enumerate(edited)
        ]
    return edited
