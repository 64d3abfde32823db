"""Loops: a chain of runs, each started by the one before, ends after 16 hops, with the evidence in the decision.

Depth is counted, not runs: one run may start a thousand others (a fan-out), all of them one hop further.
"""

from __future__ import annotations

from automate.execution.match import Candidate
from automate.ingest.hops import MAX_HOPS
from automate.outbox.store import DecisionRow, EventData, Hops
from automate.triggers.completion import hops_of


def stop_loops(
    event: EventData, decisions: list[DecisionRow], matched: list[Candidate], found: Hops | None
) -> tuple[list[DecisionRow], list[Candidate]]:
    """What is decided and what runs, when the event is not one hop too far; else the evidence, and nothing runs."""
    hops = hops_of(event)
    if hops <= MAX_HOPS or not matched:
        return decisions, matched
    latest = f", the latest of them {found.latest_run_id}" if found is not None and found.latest_run_id else ""
    reason = f"loop: {hops} runs of the trace {event.trace_id.hex} led to this event, one after the other{latest}"
    stopped = [
        decision._replace(decision="skipped", reason=reason[:300], run_id=None) if decision.run_id else decision
        for decision in decisions
    ]
    return stopped, []
