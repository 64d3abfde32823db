"""The whole matrix: every point by SIGKILL, SIGSTOP, with PostgreSQL ended and with every connection reset meanwhile;
every other fault; all of it `--rounds` times, each under load and each followed by the checker.

usage: python -m tests.chaos [--rounds 20] [--only TEXT] [--output loadtests/results/chaos.md]

Starts its own copies of the product, a new one each round and after a failure. Ends with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.chaos import scenarios
from tests.chaos.checker import check, check_usage
from tests.chaos.harness import Harness, running
from tests.chaos.points import POINTS

HEAD = """# Everything that can fail, failing

`make chaos`, {when} UTC, {machine}, rounds: {rounds}.
One product (`automate up`, its own PostgreSQL, leases of 1 s, batches of 20) under three senders that repeat each event
under its key until it is answered 202; two workflows, one whose receiver honours keys and one whose call must not be
repeated. After each fault `tests/chaos/checker.py` holds the receiver's log, the events, the run tables and triggers
inside the database against P1–P6, P11 and P22 of the promises. Seconds: from the beginning until three events accepted
after the fault have reached the receiver (median), with what it takes to bring it about; of this machine, then.
Late: calls under the same key by a process that had been stopped in the middle of them, after another worker had
recorded the result.

| fault | times | held | broke a promise | events | runs for a person | late | seconds |
|---|---|---|---|---|---|---|---|
"""
NOT_COVERED = """
Not covered: a broker (there is none; "nobody can listen" takes the notifications away), statement timeouts inside the
gateway (it sets its own of 5 s), a full disk that leaves no room for the write-ahead log, disk loss, a partition
between two machines, opening a workspace by sign-up in a browser (the same functions by command), a migration with work
to do (`tests/tenants/test_migrations_runner.py` kills one).
"""
Scenario = Callable[[Harness], None]


@dataclass
class Row:
    """What came of one kind of fault."""

    name: str
    seconds: list[float] = field(default_factory=list)
    events: int = 0
    held: int = 0
    late: int = 0
    broken: list[str] = field(default_factory=list)
    skipped: str = ""

    def __str__(self) -> str:
        if self.skipped:
            return f"| {self.name} | 0 | – | not run: {self.skipped} | – | – | – | – |"
        median = f"{statistics.median(self.seconds):.1f}" if self.seconds else "–"
        times = len(self.seconds) + len(self.broken)
        told = f"{len(self.seconds)} | {len(self.broken)}"
        return f"| {self.name} | {times} | {told} | {self.events} | {self.held} | {self.late} | {median} |"


def matrix() -> Iterator[tuple[str, Scenario]]:
    """Every fault by name, those that need a second worker last."""
    at_work = [name for name, point in POINTS.items() if point.process in {"gateway", "worker"}]
    reached_by_load = [name for name in at_work if name != "sweep.after"]
    for name in reached_by_load:
        yield f"SIGKILL at `{name}`", partial(scenarios.killed, name=name)
    yield "SIGKILL at `ring.before`, then `sweep.after`", scenarios.lost_ring
    for process in ("worker", "gateway"):
        yield f"SIGKILL of the {process} in mid-load", partial(scenarios.killed_in_mid_load, process=process)
    yield (
        "SIGKILL at each point of opening a workspace",
        lambda harness: scenarios.provisioning_killed(
            harness, *(name for name, point in POINTS.items() if point.process == "tenants")
        ),
    )
    yield (
        "SIGKILL at each point of a migration",
        lambda harness: scenarios.migration_killed(
            harness, *(name for name, point in POINTS.items() if point.process == "migrate")
        ),
    )
    yield "a run that kills five workers", scenarios.poisoned
    for name in reached_by_load:
        yield f"PostgreSQL ended at `{name}`", partial(scenarios.at_point, name=name, fault=end_postgres)
        yield f"connections reset at `{name}`", partial(scenarios.at_point, name=name, fault=reset)
    for number in (signal.SIGQUIT, signal.SIGKILL):
        yield f"PostgreSQL ended by {number.name}", partial(scenarios.postgres_down, number=number)
    yield "every connection reset, ten times", scenarios.connections_reset
    yield "database silent for two leases", scenarios.database_silent
    yield "statements cancelled after 2 ms", scenarios.statements_timed_out
    yield "disk full", scenarios.disk_full
    for hours in (1, -1):
        told = partial(scenarios.clocks_wrong, gateway=hours, worker=-hours)
        yield f"clocks {hours:+} h in the gateway, {-hours:+} h in the worker", told
    yield "nobody can listen", scenarios.wake_ups_gone
    for name in reached_by_load:
        if POINTS[name].process == "worker":
            yield f"SIGSTOP at `{name}`", partial(scenarios.stopped, name=name)


def end_postgres(harness: Harness, pid: int) -> None:
    harness.signal_postgres(signal.SIGQUIT)
    harness.rows("SELECT 1")  # it is back


def reset(harness: Harness, pid: int) -> None:
    harness.proxy.reset()


def attempt(harness: Harness, row: Row, scenario: Scenario) -> None:
    """Bring the fault about and check. Raises what was broken."""
    if scenario is scenarios.disk_full and harness.disk is None:
        row.skipped = harness.why_no_disk
        return
    before = check(harness)
    started_at = time.monotonic()
    with ExitStack() as stack:
        if row.name.startswith("SIGSTOP"):
            stack.enter_context(harness.second_worker())
        scenario(harness)
        seconds = time.monotonic() - started_at
        # a process that was held at a point for longer than its lease goes on with what it was in the middle of
        after = check(harness, late_calls=row.name.startswith("SIGSTOP") or " at `" in row.name)
    with harness.as_superuser() as connection:
        connection.execute("CHECKPOINT")  # the log of the database must fit on its small disk
    row.seconds.append(seconds)
    row.events += after.events - before.events
    row.held += after.held - before.held
    row.late += after.late - before.late


def run_round(folder: Path, rows: list[tuple[Row, Scenario]]) -> None:
    """Each fault once. After one that broke a promise the rest goes on with a new product."""
    left = list(rows)
    while left:
        with running(Path(tempfile.mkdtemp(dir=folder)) / "home") as harness:
            is_sound = True
            while left and is_sound:
                row, scenario = left.pop(0)
                is_sound = _tried(harness, row, scenario)
            if is_sound:
                check_usage(harness)


def _tried(harness: Harness, row: Row, scenario: Scenario) -> bool:
    try:
        attempt(harness, row, scenario)
    except Exception as error:  # told in the report
        row.broken.append(f"{type(error).__name__}: {error}")
        traceback.print_exc()
    print(row, flush=True)
    return not row.broken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="", help="faults whose name has this text")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = [(Row(name), scenario) for name, scenario in matrix() if options.only in name]
    done = 0
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        for _ in range(options.rounds):
            run_round(Path(folder), rows)
            done += 1
            report = _report([row for row, _ in rows], done)
            if options.output:
                options.output.write_text(report)
    print(report)
    return int(any(row.broken for row, _ in rows))


def _report(rows: list[Row], rounds: int) -> str:
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} at the end"
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    head = HEAD.format(when=when, machine=machine, rounds=rounds)
    broken = "".join(f"\n- {row.name}: {text[:500]}" for row in rows for text in row.broken)
    total = sum(row.events for row in rows)
    tail = f"\n{total} events accepted; promises broken: {sum(len(row.broken) for row in rows)}.\n{broken}"
    return head + "\n".join(map(str, rows)) + "\n" + tail.rstrip() + "\n" + NOT_COVERED


if __name__ == "__main__":
    sys.exit(main())
