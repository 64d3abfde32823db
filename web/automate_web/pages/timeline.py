"""A run as a picture: when it waited in the queue, and when each attempt of each step began and ended.

Pure arithmetic over rows already read. Bars are percentages of the run's whole span, so that the page can draw them as
SVG attributes; a bar is never thinner than the eye can see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from automate.models import ExecutionRun, RunWait, StepRun
from automate_web.run_steps import standing, waits_for

THINNEST_PERCENT = 0.8
COLOURS = {
    "succeeded": "ok",
    "failed": "bad",
    "running": "run",
    "unknown": "held",
    "cancelled": "mute",
    "skipped": "mute",
    "waiting": "wait",
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
    note: str = ""  # what it waits for
    step: dict[str, Any] | None = None  # of the version, None for the queue

    @property
    def latest(self) -> StepRun | None:
        """The attempt that says how it stands: of a fan-out its own row."""
        return standing(self.attempts)

    @property
    def items(self) -> int:
        """Of a fan-out: how many items have begun."""
        return len({attempt.item for attempt in self.attempts if attempt.item})


def draw(
    run: ExecutionRun,
    steps: Sequence[dict[str, Any]],
    attempts: Sequence[StepRun],
    *,
    now: datetime,
    waits: Mapping[tuple[str, int], RunWait] | None = None,
) -> list[Lane]:
    """The lanes of a run: its time in the queue, then each of its steps in order, run or not.

    `waits` are the open ones by step and item.
    """
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
    lanes = [_step_lane(step, of_step[step["id"]], run, now=now, bar=bar) for step in steps]
    for lane in lanes:
        if lane.step is not None and (latest := lane.latest) is not None:
            lane.note = waits_for(lane.step, latest, (waits or {}).get((lane.name, latest.item)))
    return [queue, *lanes]


def _step_lane(step: dict[str, Any], attempts: list[StepRun], run: ExecutionRun, *, now: datetime, bar: Any) -> Lane:
    if not attempts:
        return Lane(step["id"], "not_run" if not run.is_live else "queued", step=step)
    lane = Lane(step["id"], "", attempts=attempts, step=step)
    latest = lane.latest or attempts[-1]
    lane.status = str(latest.status)
    for number, attempt in enumerate(attempts):
        ended = attempt.ended_at or now
        kind = COLOURS.get(str(attempt.status), "mute")
        lane.bars.append(bar(kind, attempt.started_at, ended, _title(attempt)))
        again = attempts[number + 1] if number + 1 < len(attempts) else None
        following = again.started_at if again is not None and again.item == attempt.item else None
        if following is None and attempt.retry_at and run.is_live:
            following = now
        if following and following > ended:
            lane.bars.append(bar("wait", ended, following, "waiting to retry"))
    lane.seconds = (max(a.ended_at or now for a in attempts) - min(a.started_at for a in attempts)).total_seconds()
    if lane.status == "failed" and latest.retry_at and run.is_live:
        lane.status = "waiting"
    return lane


def _title(attempt: StepRun) -> str:
    item = f"item {attempt.item}, " if attempt.item else ""
    return f"{item}attempt {attempt.attempt}: {attempt.status}"
