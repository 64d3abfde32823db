"""What a run that does not go on waits for, as far as queues and kill switches are concerned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from automate.execution.flow.spec import value_of
from automate.models import ExecutionRun, QueuePlace
from automate_governance.redaction import redact_text


@dataclass(frozen=True)
class WaitsFor:
    """`kind`: slot, order, halt, or flow, all or quota for policy's limits; `key` is the key's value.

    `ahead` counts the runs of the key before this one.
    """

    kind: str
    key: str
    ahead: int
    limit: int | None
    since: datetime

    @property
    def sentence(self) -> str:
        of_key = f" of “{self.key}”" if self.key else ""
        if self.kind == "halt":
            return "Its workflow is halted; it goes on when somebody resumes it."
        if self.kind == "order":
            return f"It goes after the runs before it{of_key}: {self.ahead} ahead."
        if self.kind == "quota":
            return "Policy lets no more runs begin in this day or month: it goes on when the next one begins."
        if self.kind in ("flow", "all"):
            whose = "the workflow" if self.kind == "flow" else "the workspace"
            return f"Policy lets {whose} have {self.limit} runs at a time: it waits for its turn, {self.ahead} ahead."
        return f"{self.limit} at a time{of_key}: it waits for a slot, {self.ahead} ahead."


def why_waits(run: ExecutionRun) -> WaitsFor | None:
    """None when the run waits in no queue. One query, two when it does."""
    if not run.is_live:
        return None
    place = QueuePlace.objects.filter(run_id=run.pk, granted_at=None).order_by("kind").first()
    if place is None:
        return None
    same = QueuePlace.objects.filter(kind=place.kind, key=place.key)
    ahead = 0 if place.kind in ("halt", "quota") else same.filter(place__lt=place.place).count()
    limit = place.cap if place.kind in ("slot", "flow", "all") else None
    key = "" if place.kind == "halt" else redact_text(value_of(place.key))
    return WaitsFor(str(place.kind), key, ahead, limit, place.asked_at)
