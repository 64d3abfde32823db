"""After a fault: what the receiver's log, the events and the run tables say, held against the promises.

P1 what was answered 202 is stored · P2 one event a key, one run a workflow · P3 nothing is called again after its
result was recorded, a call that must not be repeated is made once at most, one key goes with all tries of another ·
P5 and P22 the watch inside the database has nothing to say · P6 nothing is lost, and nothing hangs: what is not done by
itself waits for a person, with its reason · P11 all that without a restart by anybody.

A process that was stopped in the middle of a call cannot know that: with `late_calls`, what it goes on with may reach a
receiver that honours keys after another worker has recorded the result. It is counted.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from tests.chaos.harness import Harness, wait

DONE = {"tell": {"succeeded"}, "pay": {"succeeded", "held"}}


@dataclass(frozen=True)
class Findings:
    """What a check looked at."""

    events: int
    repeated_calls: int  # by keys that the receiver honours
    held: int  # runs whose call may have happened: for a person
    crashed: int  # runs set aside after five crashes
    late: int  # of the repeated calls, those by who was stopped in the middle of one


def check(harness: Harness, *, late_calls: bool = False) -> Findings:
    """Raises AssertionError with the first promise that is broken."""
    wait_idle(harness)
    accepted = dict(harness.senders.accepted)
    assert harness.senders.answered_otherwise == []
    assert harness.rows("SELECT what, old, new FROM chaos.wrong LIMIT 5") == []

    numbers: dict[int, list[str]] = defaultdict(list)
    for event_id, number in harness.rows("SELECT id, (payload ->> 'n')::int FROM automate_event WHERE payload ? 'n'"):
        numbers[number].append(str(event_id))
    missing = {number for number, event_id in accepted.items() if event_id not in numbers[number]}
    assert missing == set(), "P1: answered 202 and not stored"
    assert {number: ids for number, ids in numbers.items() if len(ids) != 1} == {}, "P2: one key, one event"

    runs = _runs(harness)
    crashed = 0
    held = 0
    for number, [event_id] in numbers.items():
        for slug, done in DONE.items():
            found = runs.pop((slug, event_id), [])
            assert len(found) == 1, f"P2: {len(found)} runs of {slug} for event {number}"
            _, status, code = found[0]
            if code == "worker_crashed":
                crashed += 1
                continue
            assert status in done, f"P6: the run of {slug} for event {number} is {status} ({code})"
            held += status == "held"
            _check_calls(harness, slug, number, status)
    assert runs == {}, "runs of no event"
    late = _late(harness)
    if late_calls:
        assert {slug for slug, _ in late} <= {"tell"}, "P3: a call that must not be repeated came late"
        harness.late |= late
    assert late <= harness.late, "P3: called after the result was recorded"
    return Findings(len(numbers), _repeated(harness), held, crashed, len(harness.late))


def wait_idle(harness: Harness) -> None:
    """No job is left to do, and no lease or place of one in flight either."""

    def idle() -> bool:
        [(jobs,)] = harness.rows("SELECT count(*) FROM automate_outboxjob WHERE status IN ('PENDING', 'CLAIMED')")
        [(leases,)] = harness.rows("SELECT count(*) FROM public.automate_tenants_dispatchlease")
        [(flying,)] = harness.rows("SELECT sum(inflight) FROM public.automate_tenants_dispatchtenant")
        return (jobs, leases, flying) == (0, 0, 0)

    wait(idle, seconds=120, what="work is left")


def check_usage(harness: Harness) -> None:
    """To the unit what lies in the tables, whoever was killed between the work and its being added up."""
    counts = (
        ("events", "SELECT count(*) FROM automate_event"),
        ("runs", "SELECT count(*) FROM automate_executionrun"),
        ("steps", "SELECT count(*) FROM automate_steprun WHERE attempt = 1 AND status <> 'skipped'"),
    )
    there = {meter: harness.rows(query)[0][0] for meter, query in counts}

    def used() -> dict[str, int]:
        query = (
            "SELECT meter, sum(amount)::bigint FROM public.automate_billing_usageday WHERE tenant_id ="
            " (SELECT id FROM public.automate_tenants_tenant WHERE schema_name = current_schema()) GROUP BY meter"
        )
        return {meter: amount for meter, amount in harness.rows(query) if meter in there}

    wait(lambda: used() == there, what=f"usage is not {there}")


def _runs(harness: Harness) -> dict[tuple[str, str], list[tuple[Any, str, str | None]]]:
    """(workflow, event) → (id, status, error code) of its runs; the sample's are none of ours."""
    query = (
        "SELECT w.slug, r.event_id::text, r.id, r.status, r.error ->> 'code' FROM automate_executionrun r"
        " JOIN automate_workflow w ON w.id = r.workflow_id WHERE w.slug IN ('tell', 'pay')"
    )
    found = defaultdict(list)
    for slug, event_id, run_id, status, code in harness.rows(query):
        found[slug, event_id].append((run_id, status, code))
    return dict(found)


def _check_calls(harness: Harness, slug: str, number: int, status: str) -> None:
    calls = harness.receiver.calls[slug].get(number, [])
    if slug == "pay":
        assert len(calls) <= 1, f"P3: {len(calls)} calls for event {number} that must not be repeated"
    if status == "succeeded":
        assert calls, f"P6: the run of {slug} for event {number} succeeded and nobody was called"
    if slug == "tell":
        assert len({call.key for call in calls} - {""}) == 1, f"P3: other keys for event {number}"


def _late(harness: Harness) -> set[tuple[str, int]]:
    """(workflow, number) called after its result, by the clocks of database and receiver: both are this machine's."""
    query = (
        "SELECT w.slug, (e.payload ->> 'n')::int, extract(epoch FROM max(c.at))::float8, count(*) FROM chaos.recorded c"
        " JOIN automate_executionrun r ON r.id = c.run_id JOIN automate_workflow w ON w.id = r.workflow_id"
        " JOIN automate_event e ON e.id = r.event_id WHERE w.slug IN ('tell', 'pay') GROUP BY 1, 2"
    )
    late = set()
    for slug, number, recorded_at, count in harness.rows(query):
        assert count == 1, f"P3: {slug} of event {number} was recorded {count} times"
        if any(call.at > recorded_at for call in harness.receiver.calls[slug].get(number, [])):
            late.add((slug, number))
    return late


def _repeated(harness: Harness) -> int:
    return sum(len(calls) - 1 for calls in harness.receiver.calls["tell"].values() if calls)
