"""The engine alone, measured: rules, one step, a hundred steps, a thousand items; and against an earlier commit.

usage: python -m loadtests.engine [--against FOLDER] [--rounds 5] [--output loadtests/results/NAME.md]

Starts a PostgreSQL of its own; each case is a process of its own with one worker in it (`loadtests.engine_case`).
Processor time is that of the process, so it stands noise better than the clock. `--against` names a checkout of another
commit: its engine and this one take turns at the cases that both know.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg

from automate_platform.embedded import Postgres
from automate_platform.home import Home
from loadtests.bench import free_port, listens, running, wait_for

ROOT = Path(__file__).resolve().parents[1]
BOTH_KNOW = ("one-step", "five-steps", "one-call", "five-calls")
CASES = {
    "rules": "evaluations of a rule of three conditions",
    "one-step": "500 runs of one step, batches of 10",
    "five-steps": "200 runs of five steps, batches of 10",
    "one-call": "500 runs of one HTTP call, batches of 10",
    "five-calls": "200 runs of five HTTP calls, batches of 10",
    "25-steps": "4 runs of 25 steps",
    "100-steps": "4 runs of 100 steps",
    "250-items": "a fan-out over 250 items, 10 at once",
    "1000-items": "a fan-out over 1,000 items, 10 at once",
}


def measure(url: str, case: str, sink_port: int, *, root: Path = ROOT) -> dict[str, float]:
    """One case in a new database, with the engine of `root`."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS engine_case WITH (FORCE)")
        connection.execute("CREATE DATABASE engine_case")
    info: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(url)
    keys = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    database = {name: str(info.get(key) or "") for name, key in keys.items()}
    database |= {"NAME": "engine_case", "ENGINE": "django.db.backends.postgresql"}
    environment = {
        **os.environ,
        "ENGINE_CASE_DATABASE": json.dumps(database),
        "ENGINE_CASE_SINK": str(sink_port),
        "PYTHONPATH": os.pathsep.join([str(root / "engine"), str(ROOT)]),
    }
    ran = subprocess.run(
        [sys.executable, str(ROOT / "loadtests" / "engine_case.py"), case],
        env=environment, capture_output=True, text=True, check=False, cwd=tempfile.gettempdir(),
    )  # fmt: skip
    if ran.returncode:
        raise SystemExit(ran.stderr)
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def medians(measured: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in measured) for name in measured[0]}


def report(found: dict[str, dict[str, float]], ratios: dict[str, list[float]], rounds: int) -> str:
    lines = [
        "# The engine alone, measured",
        "",
        f"`python -m loadtests.engine`, medians of {rounds}; load of the machine {os.getloadavg()[0]:.1f} on",
        f"{os.cpu_count()} cores. One worker in one process, PostgreSQL beside it; `core.log` steps. Processor time is",
        "the worker's. Above a load of 2 all of it is rough: read processor time and ratios, not seconds.",
        "",
        "| case | what | seconds | processor s | per second of processor | statements | MB of WAL |",
        "|---|---|---|---|---|---|---|",
    ]
    for case, one in found.items():
        rate = one["units"] / one["cpu_seconds"]
        lines.append(
            f"| {case} | {CASES[case]} | {one['seconds']:.2f} | {one['cpu_seconds']:.2f} | {rate:,.0f} "
            f"| {one['statements']:,.0f} | {one['wal_bytes'] / 1e6:.2f} |"
        )
    each = {case: one["cpu_seconds"] / one["units"] for case, one in found.items()}
    lines += ["", "Cost of one does not grow with how many there are (processor time each; 1.00 is linear):"]
    for few, many in (("25-steps", "100-steps"), ("250-items", "1000-items")):
        if few in each and many in each:
            lines.append(f"- {many} / {few}: {each[many] / each[few]:.2f}")
    for case, values in ratios.items():
        told = " ".join(f"{value:.2f}" for value in values)
        lines += [
            "",
            f"{case}, processor time, this / the other commit: median {statistics.median(values):.2f} ({told})",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--against", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    measured: dict[str, list[dict[str, float]]] = defaultdict(list)
    ratios: dict[str, list[float]] = defaultdict(list)
    sink_port = free_port()
    sink = running(sys.executable, "-m", "loadtests.sink", str(sink_port), environment={})
    with sink, tempfile.TemporaryDirectory(prefix="engine-bench-") as folder:
        wait_for("the sink", lambda: listens(sink_port))
        database = Postgres.of(Home(Path(folder)))
        database.start()
        try:
            url = database.superuser_url()
            for _ in range(asked.rounds):
                for case in asked.cases:
                    measured[case].append(measure(url, case, sink_port))
                    if asked.against is not None and case in BOTH_KNOW:
                        other = measure(url, case, sink_port, root=asked.against.resolve())
                        ratios[case].append(measured[case][-1]["cpu_seconds"] / other["cpu_seconds"])
        finally:
            database.stop()
    text = report({case: medians(ones) for case, ones in measured.items()}, ratios, asked.rounds)
    print(text)
    if asked.output is not None:
        asked.output.write_text(text)


if __name__ == "__main__":
    main()
