"""The chain of the audit log: each entry's link holds a hash of the entry and of the link before.

Entries are appended unchained, in the transaction of what they tell of, so that no change waits for another; one
chainer links them a moment later, in the order it sees them. A *head* is the end of the chain as somebody outside the
tables knows it; with one, a cut tail is found too. Entries that were committed late have a late link: `seq` is the
order, not the time. Source: architecture, "Refusals and audit stay off the hot path".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from automate.models import AuditLink, AuditLogEntry

GENESIS = bytes(32)
AT_ONCE = 500
LOOK_BACK = timedelta(days=1)  # ids begin with their time; older entries without a link are found by the daily look
MUST_BE_LINKED = timedelta(minutes=1)
MAY_BE_LATE = timedelta(hours=1)  # between an entry's time and its link: transactions do not last that long
_LOCK_KEY = 0x6175746F_41554454  # "auto" "AUDT"


@dataclass(frozen=True)
class Head:
    """The end of a chain: how many links there are, and the hash of the last."""

    seq: int
    hash: bytes


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was written."""

    kind: Literal["changed", "inserted", "deleted", "cut", "rewritten", "signature"]
    seq: int | None
    entry_id: UUID | None
    words: str


class ChainBroken(RuntimeError):
    """The links do not go on from the trusted head; nothing may be signed until somebody has looked."""


@transaction.atomic
def chain(*, now: datetime, look_back: timedelta | None = LOOK_BACK) -> int:
    """Link what has no link yet, at most 500 entries; how many. `look_back=None` looks at every entry.

    Several at once do no harm: PostgreSQL lets one of them in, the others find nothing to do.
    """
    if not _is_alone():
        return 0
    last = end()
    seq, before = last.seq, last.hash
    links = []
    for entry in _unlinked(now - look_back if look_back else None)[:AT_ONCE]:
        seq, before = seq + 1, link_hash(before, entry)
        links.append(AuditLink(seq=seq, entry_id=entry.pk, hash=before, linked_at=now))
    AuditLink.objects.bulk_create(links)
    return len(links)


def go_on_from(head: Head) -> Head:
    """The end of the chain, recomputed from a head that is trusted. Raises ChainBroken."""
    if head.seq:
        at_head = AuditLink.objects.filter(seq=head.seq).first()
        if at_head is None or bytes(at_head.hash) != head.hash:
            raise ChainBroken(f"The link at {head.seq} is not the one that was signed.")
    for link, entry in _pairs(after=head.seq):
        if entry is None or link.seq != head.seq + 1 or link_hash(head.hash, entry) != bytes(link.hash):
            raise ChainBroken(f"The link at {link.seq} does not go on from the one before.")
        head = Head(link.seq, bytes(link.hash))
    return head


def end() -> Head:
    """Where the chain ends, unexamined."""
    latest = AuditLink.objects.order_by("-seq").first()
    return Head(latest.seq, bytes(latest.hash)) if latest else Head(0, GENESIS)


def verify(heads: Sequence[Head], *, now: datetime) -> list[Finding]:
    """Everything that is not as it was written, oldest first; empty when all is. `heads`: those known elsewhere."""
    found: list[Finding] = []
    seq, before = 0, GENESIS
    known = {head.seq: head.hash for head in heads}
    furthest = max(known, default=0)
    if any(known[head.seq] != head.hash for head in heads):
        found.append(Finding("rewritten", furthest, None, "Two heads of the same length were signed."))
    for link, entry in _pairs(after=0):
        if link.seq != seq + 1:
            found.append(Finding("deleted", seq + 1, None, f"Links {seq + 1} to {link.seq - 1} are gone."))
        if entry is None:
            found.append(Finding("deleted", link.seq, link.entry_id, "The entry of this link is gone."))
        elif link_hash(before, entry) != bytes(link.hash) and link.seq == seq + 1:
            found.append(Finding("changed", link.seq, entry.pk, "The entry, or its link, is not what was chained."))
        elif link.linked_at - _time_of(entry.pk) > MAY_BE_LATE:
            found.append(Finding("inserted", link.seq, entry.pk, "The entry is older than its link by hours."))
        elif abs(entry.created_at - _time_of(entry.pk)) > MAY_BE_LATE:
            found.append(Finding("inserted", link.seq, entry.pk, "The entry's time is not that of its id."))
        seq, before = link.seq, bytes(link.hash)
        if known.get(seq, before) != before:
            found.append(Finding("rewritten", seq, link.entry_id, "The chain is not the one that was signed."))
    if seq < furthest:
        found.append(Finding("cut", seq + 1, None, f"{furthest - seq} entries at the end are gone."))
    for entry in _unlinked(None):
        if now - entry.created_at > MUST_BE_LINKED:
            found.append(Finding("inserted", None, entry.pk, "The entry was never chained."))
    return found


def link_hash(before: bytes, entry: AuditLogEntry) -> bytes:
    """SHA-256 of the link before (32 bytes) and the entry as canonical JSON."""
    fields = [
        str(entry.pk),
        entry.actor,
        entry.action,
        entry.resource,
        entry.details,
        entry.trace_id.hex if entry.trace_id else None,
        str(entry.ip) if entry.ip else None,
        entry.created_at.astimezone(timezone.utc).isoformat(timespec="microseconds"),
    ]
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(before + text.encode()).digest()


def _pairs(*, after: int) -> Iterator[tuple[AuditLink, AuditLogEntry | None]]:
    """Links in order, each with its entry; in pieces, whatever the length of the log."""
    while links := list(AuditLink.objects.filter(seq__gt=after).order_by("seq")[:1_000]):
        entries = AuditLogEntry.objects.in_bulk([link.entry_id for link in links])
        for link in links:
            yield link, entries.get(link.entry_id)
        after = links[-1].seq


def _unlinked(since: datetime | None):  # type: ignore[no-untyped-def]  # a queryset with its own slicing
    linked = AuditLink.objects.filter(entry_id=OuterRef("pk"))
    entries = AuditLogEntry.objects.filter(~Exists(linked)).order_by("pk")
    return entries.filter(pk__gte=_first_id(since)) if since else entries


def _first_id(moment: datetime) -> UUID:
    return UUID(int=max(int(moment.timestamp() * 1000), 0) << 80)


def _time_of(entry_id: UUID) -> datetime:
    """When a UUIDv7 was made."""
    return datetime.fromtimestamp((entry_id.int >> 80) / 1000, timezone.utc)


def _is_alone() -> bool:
    if connection.vendor != "postgresql":
        return True  # the sequence's primary key lets one of two win, the other rolls back
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(current_schema()))", [_LOCK_KEY % 2**31])
        return bool(cursor.fetchone()[0])
