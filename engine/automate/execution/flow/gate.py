"""The gate before a run: who starts at once, who waits and for what, whose event joins others.

Matched workflows without flow control pass untouched. The others' runs are made as queued, each with a job of its own;
when that is claimed, the run asks for its places in the claim's transaction and goes on, or leaves the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from automate.execution.flow.admission import admit, asks, limit_error, parked_error
from automate.execution.flow.spec import NO_CAPS, Flow, caps_of, parse_flow
from automate.execution.match import Candidate, RuleEngine, event_context
from automate.outbox.store import BufferRow, Claim, DecisionRow, EventData, Job, OutboxStore, PlaceRow, RunSnapshot
from automate.templating import TemplateFailed
from automate_governance.clock import Clock

KINDS = (
    "halt",
    "order",
    "slot",
    "flow",
    "all",
)  # asked for in this order; who does not get one does not ask for the next


@dataclass
class Admitted:
    """What is to be written about one event, and the runs it makes: at once, or queued."""

    decisions: list[DecisionRow]
    at_once: list[Candidate] = field(default_factory=list)
    queued: list[Candidate] = field(default_factory=list)
    places: list[PlaceRow] = field(default_factory=list)
    buffered: list[BufferRow] = field(default_factory=list)


@dataclass
class Entered:
    """Of the runs of a claim: those that go on, and those that end here (run id → status and error)."""

    go_on: list[RunSnapshot]
    ended: dict[UUID, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    capped: dict[UUID, str] = field(default_factory=dict)  # those that wait for policy's sake: the kind of place


class Gate:
    """One per batch."""

    def __init__(
        self,
        store: OutboxStore,
        rules: RuleEngine,
        clock: Clock,
        *,
        max_runs: int | None = None,
        is_counted: Callable[[dict[str, Any]], bool] = lambda options: False,
    ):
        """`max_runs`: how many runs policy lets the workspace have in hand; None is no limit. `is_counted`: whether a
        run of a version with these options needs a quota before it begins.
        """
        self._store = store
        self._is_counted = is_counted
        self._max_runs = max_runs
        self._rules = rules
        self._clock = clock

    def admit(self, job: Job, event: EventData, decisions: list[DecisionRow], matched: list[Candidate]) -> Admitted:
        """Flow control's word on what matched."""
        halted = self._rules.halted
        if not any(self._waits(one.flow, one.version.workflow_id, one.version.options) for one in matched):
            return Admitted(decisions, at_once=matched)
        admitted, context = Admitted([]), event_context(event)
        by_workflow = {candidate.version.workflow_id: candidate for candidate in matched}
        for decision in decisions:
            candidate = by_workflow.get(decision.workflow_id) if decision.workflow_id else None
            if candidate is None:
                admitted.decisions.append(decision)
                continue
            is_halted = decision.workflow_id in halted
            one = admit(candidate.flow, decision, event, context, job_id=job.id, is_halted=is_halted)
            admitted.decisions.append(one.decision)
            admitted.places += one.places
            admitted.buffered += [one.buffered] if one.buffered else []
            if one.makes_run:
                waits = self._waits(candidate.flow, decision.workflow_id, candidate.version.options)
                (admitted.queued if waits else admitted.at_once).append(candidate)
        return admitted

    def concerns(self, snapshots: Sequence[RunSnapshot]) -> bool:
        """Whether any of these runs has to ask for something."""
        return any(self._waits(parse_flow(one.options), one.workflow_id, one.options) for one in snapshots)

    def _waits(self, flow: Flow | None, workflow_id: UUID | None, options: dict[str, Any]) -> bool:
        """Whether such a run has to ask for something before it goes on."""
        return self._is_counted(options) or self.queues(flow, workflow_id, options)

    def queues(self, flow: Flow | None, workflow_id: UUID | None, options: dict[str, Any]) -> bool:
        """Whether such a run has to ask for a place in a queue."""
        return flow is not None or workflow_id in self._rules.halted or bool(caps_of(options, self._max_runs))

    def enter(self, claim: Claim, snapshots: Sequence[RunSnapshot]) -> Entered:
        """Ask for the places that these runs need; blocking. Those that wait have left the claim when this returns.

        Raises LeaseLost.
        """
        jobs = {job.run_id: job.id for job in claim.jobs if job.run_id is not None}
        entered = Entered([])
        wanted: dict[UUID, list[PlaceRow]] = {}
        limits: dict[UUID, str] = {}
        for snapshot in snapshots:
            # one that is to be stopped queues for nothing: it tidies up and gives its place to the next
            is_late = snapshot.deadline_at is not None and snapshot.deadline_at <= self._clock.now()
            is_stopping = is_late or snapshot.cancel_requested_at is not None
            is_told = snapshot.error is not None and "stopped" in snapshot.error
            flow = None if is_stopping else parse_flow(snapshot.options)
            context = event_context(snapshot.event)
            try:
                wanted[snapshot.id] = asks(
                    flow,
                    snapshot.id,
                    snapshot.workflow_id,
                    context,
                    job_id=jobs[snapshot.id],
                    # a halted one learns of its deadline, too; but what it tidies up then waits for the switch
                    is_halted=snapshot.workflow_id in self._rules.halted and (is_told or not is_late),
                    caps=NO_CAPS if is_stopping else caps_of(snapshot.options, self._max_runs),
                )
            except TemplateFailed as error:  # a run past its rule: made by name, by a parent
                entered.ended[snapshot.id] = (
                    "failed",
                    {"code": error.code, "message": error.message, "details": error.details},
                )
                continue
            if flow is not None and flow.concurrency is not None:
                limits[snapshot.id] = flow.concurrency.on_limit
        verdicts = self._ask(claim, wanted, limits, entered)
        entered.go_on = [one for one in snapshots if verdicts.get(one.id) == "granted" or one.id in entered.ended]
        return entered

    def _ask(
        self, claim: Claim, wanted: dict[UUID, list[PlaceRow]], limits: dict[UUID, str], entered: Entered
    ) -> dict[UUID, str]:
        verdicts = dict.fromkeys(wanted, "granted")
        for kind in KINDS:
            rows = [row for run, of_run in wanted.items() for row in of_run if row.kind == kind]
            rows = [row for row in rows if verdicts[row.run_id] == "granted"]
            if not rows:
                continue
            skips = {row.run_id for row in rows if kind == "slot" and limits.get(row.run_id) == "skip"}
            found = self._store.enter(claim, rows, stay=skips)
            verdicts.update(found)
            if kind in ("flow", "all"):
                entered.capped.update({run: kind for run, verdict in found.items() if verdict == "wait"})
            for row in rows:
                if found.get(row.run_id) == "parked":
                    entered.ended[row.run_id] = ("held", parked_error(row.key))
                elif row.run_id in skips and found.get(row.run_id) != "granted":
                    entered.ended[row.run_id] = ("cancelled", limit_error(row.key, self._clock.now()))
        return verdicts
