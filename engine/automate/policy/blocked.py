"""What policy blocked: counts per hour, cheap enough to keep for every call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Max, Sum
from django.utils import timezone

from automate.models import PolicyBlock


class Block(NamedTuple):
    """What stood in whose way."""

    rule: str
    layer: str
    subject: str
    outcome: str  # denied or waited


@dataclass(frozen=True)
class Blocked:
    """One line of "what it blocked": newest first, with a run to look at."""

    rule: str
    layer: str
    subject: str
    outcome: str
    count: int
    latest_at: datetime
    latest_run_id: UUID | None


def count_blocks(counts: Mapping[Block, int], runs: Mapping[Block, UUID]) -> None:
    """Add to the counts of this hour."""
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    for block, count in sorted(counts.items()):  # one order for all, so that two never wait for each other in a circle
        _add(hour, block, count, now, runs.get(block))


def _add(hour: datetime, block: Block, count: int, now: datetime, run_id: UUID | None) -> None:
    mine = PolicyBlock.objects.filter(hour=hour, **block._asdict())
    change = {"count": F("count") + count, "latest_at": now, "latest_run_id": run_id}
    if mine.update(**change):
        return
    try:
        with transaction.atomic():
            PolicyBlock.objects.create(hour=hour, **block._asdict(), count=count, latest_at=now, latest_run_id=run_id)
    except IntegrityError:  # another worker made the row meanwhile
        mine.update(**change)


def blocked_since(since: datetime, *, limit: int = 200) -> list[Blocked]:
    """What was blocked since then in the current workspace, by rule and subject, the newest first."""
    rows = (
        PolicyBlock.objects.filter(hour__gte=since.replace(minute=0, second=0, microsecond=0))
        .values("rule", "layer", "subject", "outcome")
        .annotate(total=Sum("count"), newest=Max("latest_at"))
        .order_by("-newest")[:limit]
    )
    found = []
    for row in rows:
        block = Block(row["rule"], row["layer"], row["subject"], row["outcome"])
        latest = PolicyBlock.objects.filter(latest_at=row["newest"], **block._asdict()).first()
        run_id = latest.latest_run_id if latest else None
        found.append(Blocked(*block, count=row["total"], latest_at=row["newest"], latest_run_id=run_id))
    return found
