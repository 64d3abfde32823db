"""A run as a picture: when it waited in the queue, and when each attempt of each step began and ended.

Pure arithmetic over rows already read. Bars are percentages of the run's whole span, so that the page can draw them as
SVG attributes; a bar is never thinner than the eye can see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from automate.models import ExecutionRun, StepRun

THINNEST_PERCENT = 0.8
COLOURS = {
    "succeeded": "ok",
    "failed": "bad",
    "running": "run",
    "unknown": "held",
    "cancelled": "mute",
    "skipped": "mute",
}


@dataclass(frozen=True)
class Bar:
    """A stretch of time: `x` and `width` in percent of the run."""

    kind: str  # queue, wait, ok, bad, run, held, mute
    x: float
    width: float
    title: str


@dataclass
class Lane:
    """One row: the queue, or a step with its attempts."""

    name: str
    status: str
    bars: list[Bar] = field(default_factory=list)
    seconds: float | None = None  # from the first attempt's start to the latest end; None when it never ran
    attempts: list[StepRun] = field(default_factory=list)
    step: dict[str, Any] | None = None  # of the version, None for the queue

    @property
    def latest(self) -> StepRun | None:
        return self.attempts[-1] if self.attempts else None


def draw(
    run: ExecutionRun, steps: Sequence[dict[str, Any]], attempts: Sequence[StepRun], *, now: datetime
) -> list[Lane]:
    """The lanes of a run: its time in the queue, then each step of its version in order, run or not."""
    begin = run.created_at
    end = max([run.ended_at or now, *(a.ended_at or now for a in attempts)])
    whole = max((end - begin).total_seconds(), 0.001)

    def bar(kind: str, from_: datetime, to: datetime, title: str) -> Bar:
        x = min(max((from_ - begin).total_seconds() / whole * 100, 0), 100 - THINNEST_PERCENT)
        width = max((to - from_).total_seconds() / whole * 100, THINNEST_PERCENT)
        return Bar(kind, round(x, 2), round(min(width, 100 - x), 2), title)

    started = run.started_at or (attempts[0].started_at if attempts else None)
    queue = Lane("queued", "succeeded" if started else "queued")
    queue.seconds = ((started or end) - begin).total_seconds()
    queue.bars = [bar("queue", begin, started or end, "in the queue")]

    of_step: dict[str, list[StepRun]] = defaultdict(list)
    for attempt in sorted(attempts, key=lambda a: (a.round, a.item, a.attempt)):
        of_step[attempt.step_id].append(attempt)
    return [queue, *(_step_lane(step, of_step[step["id"]], run, now=now, bar=bar) for step in steps)]


def _step_lane(step: dict[str, Any], attempts: list[StepRun], run: ExecutionRun, *, now: datetime, bar: Any) -> Lane:
    if not attempts:
        return Lane(step["id"], "not_run" if not run.is_live else "queued", step=step)
    lane = Lane(step["id"], str(attempts[-1].status), attempts=attempts, step=step)
    for number, attempt in enumerate(attempts):
        ended = attempt.ended_at or now
        kind = COLOURS.get(str(attempt.status), "mute")
        lane.bars.append(bar(kind, attempt.started_at, ended, f"attempt {attempt.attempt}: {attempt.status}"))
        following = attempts[number + 1].started_at if number + 1 < len(attempts) else None
        if following is None and attempt.retry_at and run.is_live:
            following = now
        if following and following > ended:
            lane.bars.append(bar("wait", ended, following, "waiting to retry"))
    lane.seconds = ((attempts[-1].ended_at or now) - attempts[0].started_at).total_seconds()
    if lane.status == "failed" and attempts[-1].retry_at and run.is_live:
        lane.status = "waiting"
    return lane
