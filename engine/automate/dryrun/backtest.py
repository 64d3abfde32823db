"""A backtest: what a version or a draft would have done with past events, against what was decided and done then.

Events are read in batches by their ids, which are in the order of time; memory is bounded by the batch. The answers of
recorded runs stand in for connectors; where a step has none, its answer is unknown and counted so. Nothing is written.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from automate import ids
from automate.dryrun.answers import Answers, Recorded
from automate.dryrun.estimate import estimator
from automate.dryrun.recorded import recorded_runs
from automate.dryrun.report import DryRun, DryStep
from automate.dryrun.run import Subject, dry_runs
from automate.models import Event, MatchDecision
from automate.outbox.store import EventData
from automate.rules.masking import sensitive_values

BATCH_EVENTS = 250
BATCH_RUNS = 50
SHOWN_DIFFERENCES = 50
COMPARED = frozenset({"succeeded", "failed"})  # runs that ended by themselves


@dataclass(frozen=True)
class Difference:
    """One event that would be treated otherwise. `kind`: gained, lost, path (steps), requests."""

    event_id: UUID
    run_id: UUID | None
    kind: str
    steps: list[dict[str, Any]] = field(default_factory=list)  # step, was, would
    requests: list[dict[str, Any]] = field(default_factory=list)  # step, item, was, would; redacted
    unknown: list[str] = field(default_factory=list)  # what was needed and not known


@dataclass
class Backtest:
    """Counts of events, but where said. `estimate` is of the whole span: what the matched events would cost."""

    since: datetime
    until: datetime
    events: int = 0
    matched_then: int = 0
    matches: int = 0
    gained: int = 0
    lost: int = 0
    paths_same: int = 0
    paths_changed: int = 0
    paths_unknown: int = 0  # something was needed that nobody knows
    not_compared: int = 0  # no finished run to compare with
    requests_same: int = 0  # calls of connectors
    requests_changed: int = 0
    requests_unknown: int = 0  # not recorded then, or not known now
    steps: int = 0
    calls: dict[str, int] = field(default_factory=dict)  # connector.action → calls
    llm_calls: int = 0
    llm_usd: str = "0"  # of those whose cost is recorded
    llm_usd_at_most: str = "0"  # of those not recorded: counted tokens and the longest answer, at the table's price
    llm_calls_estimated: int = 0  # which are in `llm_usd_at_most`
    llm_calls_unknown: int = 0  # whose cost nobody knows: no record, and no price or no request
    differences: list[Difference] = field(default_factory=list)  # the first ones
    is_complete: bool = True
    goes_on_at: datetime | None = None  # not complete: the events from here on were not looked at
    at_event_id: UUID | None = None  # the newest event that was looked at

    @classmethod
    def parse(cls, told: dict[str, Any]) -> Backtest:
        """What `as_dict` told, to go on with."""
        differences = [
            Difference(**{**each, "event_id": UUID(each["event_id"]), "run_id": _uuid(each["run_id"])})
            for each in told["differences"]
        ]
        at = {name: datetime.fromisoformat(told[name]) for name in ("since", "until", "goes_on_at") if told[name]}
        return cls(**{**told, **at, "at_event_id": _uuid(told["at_event_id"]), "differences": differences})

    def as_dict(self) -> dict[str, Any]:
        """As JSON data, times as ISO 8601."""
        told = asdict(self)
        for name in ("since", "until", "goes_on_at"):
            told[name] = told[name].isoformat() if told[name] else None
        for difference in told["differences"]:
            difference["event_id"] = str(difference["event_id"])
            difference["run_id"] = str(difference["run_id"]) if difference["run_id"] else None
        told["at_event_id"] = str(self.at_event_id) if self.at_event_id else None
        return told


def backtest(
    subject: Subject,
    *,
    workflow_id: UUID,
    since: datetime,
    until: datetime,
    max_events: int | None = None,
    max_seconds: float | None = None,
    must_stop: Callable[[], bool] = lambda: False,
    shown: int = SHOWN_DIFFERENCES,
    earlier: Backtest | None = None,
) -> Backtest:
    """Try every event received from `since` to before `until`, up to a limit; what was looked at till then is told.

    `workflow_id`: whose decisions and runs it is compared with. `must_stop` is asked once per batch. `earlier` is what
    was found before of the same span: it goes on behind the newest event of that, and is counted in.
    """
    result = earlier or Backtest(since, until)
    result.is_complete, result.goes_on_at = True, None
    span = _Span(subject, workflow_id, result, shown)
    ends = None if max_seconds is None else time.monotonic() + max_seconds
    for batch in _batches(since, until, result.at_event_id):
        left = None if max_events is None else max_events - result.events
        is_late = must_stop() or (ends is not None and time.monotonic() > ends)
        if is_late or (left is not None and left <= 0):
            result.is_complete, result.goes_on_at = False, batch[0].received_at
            break
        if left is not None and len(batch) > left:
            result.is_complete, result.goes_on_at = False, batch[left].received_at
            batch = batch[:left]
        span.try_events(batch)
        result.at_event_id = batch[-1].id
        if not result.is_complete:
            break
    span.close()
    return result


def _batches(since: datetime, until: datetime, behind: UUID | None) -> Iterator[list[EventData]]:
    rows = Event.objects.filter(id__lt=ids.first_id_at(until)).order_by("id")
    after = rows.filter(id__gt=behind) if behind else rows.filter(id__gte=ids.first_id_at(since))
    while True:
        fields = ("id", "type", "source", "payload", "trace_id", "received_at")
        batch = [EventData(*row) for row in after.values_list(*fields)[:BATCH_EVENTS]]
        if not batch:
            return
        yield batch
        after = rows.filter(id__gt=batch[-1].id)


@dataclass
class _Then:
    is_match: bool
    is_direct: bool
    run_id: UUID | None


class _Span:
    """Counts into the result, batch by batch."""

    def __init__(self, subject: Subject, workflow_id: UUID, result: Backtest, shown: int):
        self._subject = subject
        self._workflow_id = workflow_id
        self._result = result
        self._shown = shown
        self._estimate = estimator()
        self._calls: Counter[str] = Counter(result.calls)
        self._usd, self._at_most = Decimal(result.llm_usd), Decimal(result.llm_usd_at_most)

    def try_events(self, batch: list[EventData]) -> None:
        then = self._decided([event.id for event in batch])
        matched: list[tuple[EventData, _Then]] = []
        result = self._result
        result.events += len(batch)
        for event in batch:
            was = then.get(event.id, _NO_MATCH)
            matches = self._subject.decide(event, is_direct=was.is_direct).matches
            result.matched_then += was.is_match
            result.matches += matches
            if matches and not was.is_match:
                result.gained += 1
                self._show(Difference(event.id, None, "gained"))
            if was.is_match and not matches:
                result.lost += 1
                self._show(Difference(event.id, was.run_id, "lost"))
            if matches:
                matched.append((event, was))
        for start in range(0, len(matched), BATCH_RUNS):
            self._follow(matched[start : start + BATCH_RUNS])

    def close(self) -> None:
        self._result.calls = dict(self._calls.most_common())
        self._result.llm_usd, self._result.llm_usd_at_most = f"{self._usd:f}", f"{self._at_most:f}"

    def _decided(self, event_ids: list[UUID]) -> dict[UUID, _Then]:
        mine = MatchDecision.objects.filter(event_id__in=event_ids, workflow_id=self._workflow_id)
        return {
            event_id: _Then(decision != "no_match", reason == "direct", run_id)
            for event_id, decision, reason, run_id in mine.values_list("event_id", "decision", "reason", "run_id")
        }

    def _follow(self, matched: list[tuple[EventData, _Then]]) -> None:
        recorded = recorded_runs([was.run_id for _, was in matched if was.run_id is not None])
        found = [recorded.get(was.run_id) if was.run_id else None for _, was in matched]
        known = [
            one.masked(sensitive_values(event.payload)) if one is not None else None
            for (event, _), one in zip(matched, found)  # noqa: B905
        ]
        answers = [Answers(recorded=one, uses_examples=False) for one in known]
        events = [event for event, _ in matched]
        for event, one, report in zip(events, known, dry_runs(self._subject, zip(events, answers))):  # noqa: B905
            self._count(report)
            self._compare(event, one, report)

    def _count(self, report: DryRun) -> None:
        for step in report.steps:
            if step.status in ("not_run", "skipped", "cancelled"):
                continue
            self._result.steps += step.items is None
            if step.request is None:
                continue
            self._calls[f"{step.connector}.{step.action}"] += 1
            if step.connector == "llm":
                self._result.llm_calls += 1
                self._count_cost(step)

    def _count_cost(self, step: DryStep) -> None:
        cost = _cost(step)
        at_most = self._estimate(step.input) if cost is None else None
        self._usd += cost or 0
        self._at_most += at_most or 0
        self._result.llm_calls_estimated += at_most is not None
        self._result.llm_calls_unknown += cost is None and at_most is None

    def _compare(self, event: EventData, then: Recorded | None, report: DryRun) -> None:
        result = self._result
        if then is None or then.status not in COMPARED:
            result.not_compared += 1
            return
        requests = list(self._requests(then, report))
        steps = _steps(then, report)
        if steps:
            result.paths_changed += 1
        elif not report.is_certain:
            result.paths_unknown += 1
        else:
            result.paths_same += 1
        if steps or requests:
            kind = "path" if steps else "requests"
            self._show(Difference(event.id, then.run_id, kind, steps, requests, report.unknown))

    def _requests(self, then: Recorded, report: DryRun) -> Iterator[dict[str, Any]]:
        """Calls that differ from the recorded ones; what is counted on the way."""
        for step in report.steps:
            if step.connector == "core" or step.items is not None or step.status in ("not_run", "skipped", "cancelled"):
                continue
            was = next((one for unit, one in then.steps.items() if unit == (step.step, step.item)), None)
            if was is None or step.input is None or was.request is None:
                self._result.requests_unknown += 1
            elif (was.connector, was.action, was.request) == (step.connector, step.action, step.input):
                self._result.requests_same += 1
            else:
                self._result.requests_changed += 1
                yield {"step": step.step, "item": step.item, "was": was.request, "would": step.input}

    def _show(self, difference: Difference) -> None:
        if len(self._result.differences) < self._shown:
            self._result.differences.append(difference)


_NO_MATCH = _Then(is_match=False, is_direct=False, run_id=None)


def _steps(then: Recorded, report: DryRun) -> list[dict[str, Any]]:
    """Steps that would end otherwise; of what is unknown, or follows it, nothing is said."""
    was = {unit.step: step.status for unit, step in then.steps.items() if not unit.item}
    unsure = {step.step for step in report.steps if step.status == "unknown" or step.is_assumed}
    would = report.path
    return [
        {"step": step, "was": was.get(step, "not_run"), "would": would.get(step, "not_run")}
        for step in {**was, **would}
        if step not in unsure and was.get(step, "not_run") != would.get(step, "not_run")
    ]


def _cost(step: DryStep) -> Decimal | None:
    """What the recorded call cost, in dollars; None where that is not known."""
    told = step.output.get("cost_usd") if isinstance(step.output, dict) else None
    try:
        return Decimal(told) if isinstance(told, str) else None
    except InvalidOperation:
        return None


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
