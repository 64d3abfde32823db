"""Many workspaces of which one works: what the idle ones cost. Two copies of the product, few and many, in turns.

usage: python -m loadtests.idle [--workspaces 2000] [--rounds 5] [--seconds 4] [--output FILE]

Each copy has a PostgreSQL, gateway, web and worker of its own; one waits while the other is asked. In each round: whole
runs at 32 connections and at 20 a second, as `loadtests.bench` measures them. Then the time of a claim that finds
nothing, the processor time of an idle copy, the catalogs, and a backend that has touched every workspace.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from loadtests.bench import Product, free_port, listens, measure, product, publish, running, wait_for
from loadtests.load import Target, closed_loop
from loadtests.migrations import SIZES
from loadtests.signup import fill

CLAIMS = 400
IDLE_SECONDS = 20.0
FIGURES = ("accepted/s", "completed/s", "accept p50 ms", "accept p99 ms", "to sink p50 ms", "to sink p99 ms", "lost")


def claim_us(connection: psycopg.Connection[Any]) -> float:
    """Median of a claim that finds nothing, in microseconds, the way to the server and back included."""
    took = []
    for _ in range(CLAIMS):
        begun = time.perf_counter()
        connection.execute("SELECT * FROM public.automate_claim_v2('measured', 10, 30)", prepare=True).fetchall()
        took.append((time.perf_counter() - begun) * 1e6)
    return statistics.median(took)


def processor_seconds(copy: Product) -> float:
    """User and system time so far of the copy's processes and of its PostgreSQL, by those that live."""
    roots = [psutil.Process(copy.pid), *([psutil.Process(pid)] if (pid := copy.database.pid()) else [])]
    every = {process.pid: process for root in roots for process in (root, *root.children(recursive=True))}
    return sum(sum(process.cpu_times()[:2]) for process in every.values())


def touched_mb(connection: psycopg.Connection[Any]) -> float:
    """Memory of one backend, its own, once it has read a table of each workspace."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    for (schema,) in connection.execute("SELECT schema_name FROM public.automate_tenants_dispatchtenant").fetchall():
        table = sql.Identifier(schema, "automate_outboxjob")
        connection.execute(sql.SQL("SELECT count(*) FROM {} WHERE status = 'PENDING'").format(table))
    found = psutil.Process(row[0]).memory_full_info()
    return float(found.uss) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspaces", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    sink_port = free_port()
    sink = f"http://127.0.0.1:{sink_port}"
    names = ("1", str(options.workspaces))
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    standing: dict[str, dict[str, float]] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(sys.executable, "-m", "loadtests.sink", str(sink_port), environment={}))
        wait_for("the sink", lambda: listens(sink_port))
        copies, targets = {}, {}
        for name in names:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="idle-", ignore_cleanup_errors=True)))
            copy = copies[name] = stack.enter_context(product(root, sink_port))
            publish(copy.ready, sink_port)
            key = {"Authorization": f"Bearer {copy.ready['api_key']}"}
            targets[name] = Target(name, copy.ready["webhook_url"], key)
            if int(name) > 1:
                print(f"opened in {fill(root, int(name) - 1) * 1000:.0f} ms each", flush=True)
        for place, target in enumerate(targets.values()):
            closed_loop(target, connections=4, seconds=1.0, first=place * 100_000)  # warm from here on
        for number in range(options.rounds):
            for place, (name, target) in enumerate(targets.items()):
                first = 1_000_000 * (2 * number + place + 1)
                rounds[name].append(measure(target, sink, seconds=options.seconds, first=first))
                print(number + 1, name, {k: round(v, 1) for k, v in rounds[name][-1].items()}, flush=True)
        for name, copy in copies.items():
            before = processor_seconds(copy)
            time.sleep(IDLE_SECONDS)
            idle = 100 * (processor_seconds(copy) - before) / IDLE_SECONDS
            with psycopg.connect(copy.database.superuser_url("automate"), autocommit=True) as connection:
                row = connection.execute(SIZES).fetchone()
                assert row is not None
                classes, _, catalog, whole = row
                standing[name] = {
                    "claim that finds nothing, us": claim_us(connection),
                    "idle, % of a core, everything": idle,
                    "rows of pg_class": float(classes),
                    "catalogs, MB": float(catalog) / 2**20,
                    "database, MB": float(whole) / 2**20,
                    "a backend that touched all, MB": touched_mb(connection),
                }
    text = report(rounds, standing, options)
    print(text)
    if options.output:
        options.output.write_text(text)


def report(
    rounds: dict[str, list[dict[str, float]]], standing: dict[str, dict[str, float]], options: argparse.Namespace
) -> str:
    few, many = rounds
    when = f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {os.cpu_count()} cores"
    how = f"`python -m loadtests.idle`: medians of {options.rounds} rounds of {options.seconds:g} s, in turns"
    lines = [
        "# Idle workspaces",
        "",
        f"{when}, load {os.getloadavg()[0]:.1f} at the end. {how}.",
        "",
        f"| | {few} workspace | {many} | ratio |",
        "|---|---:|---:|---:|",
    ]
    for figure in FIGURES:
        pair = [statistics.median(one[figure] for one in rounds[name]) for name in (few, many)]
        lines.append(f"| {figure} | {pair[0]:.1f} | {pair[1]:.1f} | {_ratio(*pair)} |")
    for figure, value in standing[few].items():
        lines.append(
            f"| {figure} | {value:.1f} | {standing[many][figure]:.1f} | {_ratio(value, standing[many][figure])} |"
        )
    each = " ".join(
        _ratio(before["completed/s"], after["completed/s"])
        for before, after in zip(rounds[few], rounds[many], strict=True)
    )
    return "\n".join([*lines, "", f"Completed/s, many / few, each round: {each}", ""])


def _ratio(few: float, many: float) -> str:
    return f"{many / few:.2f}" if few else "–"


if __name__ == "__main__":
    main()
