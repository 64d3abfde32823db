"""What 1,000 active workflows cost an event that matches one of them, and a worker whose configuration changes.

usage: python -m loadtests.rules [--workflows 1000]

Runs in this process, without a database: the decision alone, with one workflow and with many, in turns, so that the
ratio is of the same minute. Promise: at most 2 x.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from statistics import median

from django.conf import settings

from automate import ids
from automate.execution.match import RuleEngine
from automate.outbox.store import ActiveVersion, EventData

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROUNDS, EVENTS = 21, 500


def version(number: int) -> ActiveVersion:
    """A workflow for events of a type of its own."""
    rule = {"and": [{">": [{"var": "payload.amount"}, number]}, {"==": [{"var": "payload.kind"}, f"k{number}"]}]}
    steps = [{"id": f"s{n}", "connector": "core", "action": "log", "params": {"message": "x"}} for n in range(5)]
    return ActiveVersion(ids.new_id(), ids.new_id(), {"type": "event", "event_type": f"type.{number}"}, rule, steps)


def decide_us(engine: RuleEngine) -> float:
    """Microseconds for one event that matches one workflow."""
    payload = {"amount": 10_000, "kind": "k0"}
    events = [EventData(ids.new_id(), "type.0", "manual", payload, ids.new_id(), NOW) for _ in range(EVENTS)]
    started = time.perf_counter()
    for event in events:
        _, matched = engine.decide(event, now=NOW)
        assert len(matched) == 1
    return (time.perf_counter() - started) / EVENTS * 1e6


def main() -> None:
    settings.configure()  # every default
    parser = argparse.ArgumentParser()
    parser.add_argument("--workflows", type=int, default=1_000)
    versions = [version(number) for number in range(parser.parse_args().workflows)]
    started = time.perf_counter()
    many = RuleEngine(versions)
    whole = time.perf_counter() - started
    one = RuleEngine(versions[:1])

    known = [ActiveVersion(v.id, v.workflow_id, v.trigger_spec, None, [], is_known=True) for v in versions]
    started = time.perf_counter()
    RuleEngine([*known, version(len(versions))], known=many.known)
    again = time.perf_counter() - started

    pairs = [(decide_us(one), decide_us(many)) for _ in range(ROUNDS)]
    few_us, many_us = (median(column) for column in zip(*pairs, strict=True))
    print(f"decide, 1 workflow:        {few_us:8.1f} us")
    print(f"decide, {len(versions)} workflows:   {many_us:8.1f} us   ratio {many_us / few_us:.2f} (at most 2)")
    print(f"load all {len(versions)}:           {whole * 1e3:8.1f} ms")
    print(f"load after one changed:    {again * 1e3:8.1f} ms   ratio {again / whole:.3f}")


if __name__ == "__main__":
    main()
