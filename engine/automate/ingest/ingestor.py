"""EventIngestor: an event, its outbox job and its dedupe key, in one transaction, on any database Django speaks to.

The gateway does the same for many events at once with `accept_v1`; both make the same rows. Source: seeds, "Webhook
Ingestion".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from automate import host, metrics
from automate.ids import dedupe_id, new_id
from automate.ingest.body import read_json
from automate.ingest.dedupe import DEDUPE_DAYS, MAX_KEY_LENGTH, IdempotencyKeyReused, body_hash
from automate.ingest.hops import CURRENT
from automate.ingest.refusal import InvalidDedupeKey
from automate.ingest.trace import new_trace_id
from automate.models import Dedupe, Event, ExecutionRun, OutboxJob
from automate.outbox.due import due_now
from automate.outbox.holding import HELD_UNTIL
from automate_llm.rows import insert_missing

_FINAL = (ExecutionRun.Status.SUCCEEDED, ExecutionRun.Status.FAILED, ExecutionRun.Status.CANCELLED)
_OPEN = (OutboxJob.Status.PENDING, OutboxJob.Status.CLAIMED)


@dataclass(frozen=True)
class Ingested:
    """The event's ids; those of the first event when this one is a repeat."""

    event_id: UUID
    trace_id: UUID
    is_duplicate: bool = False
    body_differs: bool = False


class EventIngestor:
    """Stores events in the current schema."""

    @transaction.atomic
    def ingest(
        self,
        *,
        type: str,
        payload: Any,
        source: str,
        dedupe_key: str | None = None,
        dedupe_source: str | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        trace_id: str | None = None,
        now: datetime | None = None,
        is_held: bool = False,
        refuses_other_body: bool = False,
    ) -> Ingested:
        """Store one event and the intent to process it; joins the caller's transaction, and rings once it commits.

        `raw` is the body as it came in, to tell a repeat with another body; `dedupe_source` is what `dedupe_key` is
        unique in (`source` by default). `is_held`: stored, but not processed until `holding.release`. With
        `refuses_other_body` another body under a known key is no repeat: IdempotencyKeyReused names the event that
        has the key, and nothing is stored. Raises a Refusal when the payload cannot be stored faithfully, ValueError
        for NaN.
        """
        now = now or timezone.now()
        if trace_id is None and (hop := CURRENT.get()) is not None:  # emitted by a step: it follows the run
            trace_id, headers = hop.trace_id or None, {**(headers or {}), **hop.headers}
        text = storable(payload)
        event_id = new_id()
        event = Event(
            id=event_id,
            type=type,
            payload=json.loads(text),
            source=source,
            headers=headers,
            trace_id=UUID(hex=trace_id or new_trace_id(event_id)),
            received_at=now,
        )
        if dedupe_key is not None:
            digest = body_hash(text.encode() if raw is None else raw)
            first = _claim_key(dedupe_source or source, dedupe_key, event, digest, now, refuses_other_body)
            if first is not None:
                return first
        held_until = host.current().hold_new_event(source) or (HELD_UNTIL if is_held else None)
        due_at = held_until or due_now()
        event.save(force_insert=True)
        OutboxJob.objects.create(
            kind=OutboxJob.Kind.EVENT, event_id=event.id, available_at=due_at, trace_id=event.trace_id
        )
        transaction.on_commit(host.current().ring)
        transaction.on_commit(metrics.note_event)
        return Ingested(event.id, event.trace_id)


def storable(payload: Any) -> str:
    """The payload as the JSON that would be stored. Raises a Refusal where it cannot be, ValueError for NaN."""
    text = json.dumps(payload, cls=DjangoJSONEncoder, allow_nan=False)
    read_json(text.encode())
    return text


def _claim_key(source: str, key: str, event: Event, digest: bytes, now: datetime, refuses: bool) -> Ingested | None:
    """Make the key this event's, or say which event has it. Waits for another transaction that is claiming it.

    Raises IdempotencyKeyReused, if it `refuses` another body.
    """
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        raise InvalidDedupeKey(f"A dedupe key has 1 to {MAX_KEY_LENGTH} characters.", details={"limit": MAX_KEY_LENGTH})
    row = Dedupe(
        id=dedupe_id(source, key),
        source=source,
        key=key,
        event_id=event.id,
        body_hash=digest,
        expires_at=now + timedelta(days=DEDUPE_DAYS),
        trace_id=event.trace_id,
    )
    insert_missing(Dedupe, [row], same="source")
    held = Dedupe.objects.select_for_update().get(pk=row.pk)
    if held.event_id == event.id:
        return None
    if held.expires_at <= now and not _is_unfinished(held.event_id):
        row.save(force_update=True)
        return None
    differs = bytes(held.body_hash) != digest
    if differs and refuses:
        raise IdempotencyKeyReused(
            "This Idempotency-Key belongs to an event with another body. Send a new event with a new key.",
            details={"param": "Idempotency-Key", "event_id": str(held.event_id)},
        )
    Dedupe.objects.filter(pk=held.pk).update(repeats=F("repeats") + 1)
    first = Event.objects.filter(pk=held.event_id).first()
    return Ingested(
        event_id=held.event_id,
        trace_id=first.trace_id if first else event.trace_id,
        is_duplicate=True,
        body_differs=differs,
    )


def _is_unfinished(event_id: UUID) -> bool:
    """Whether the event is still to be matched or a run of it goes on: its key stays taken for so long."""
    jobs = OutboxJob.objects.filter(kind=OutboxJob.Kind.EVENT, event_id=event_id, status__in=_OPEN)
    return jobs.exists() or ExecutionRun.objects.filter(event_id=event_id).exclude(status__in=_FINAL).exists()
