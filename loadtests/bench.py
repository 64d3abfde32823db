"""The whole path, measured: webhook, rule, HTTP step, record; beside the ceiling, alternated in one run.

usage: python -m loadtests.bench [--rounds 3] [--seconds 6] [--output loadtests/results/NAME.md]

Starts its own copy of the product (`automate up` on a new HOME and a free port), the ceiling on the same PostgreSQL,
and a sink. Each round drives each of the two: 32 connections for --seconds, then until drained; then 20 a second for as
long. Everything shares this machine, the load client included, so read the ratios; an absolute figure is this
machine's, now.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from automate_platform.embedded import Postgres
from automate_platform.home import Home
from loadtests.load import Sent, Target, arrivals, closed_loop, drained, open_loop, percentile

CEILING_DATABASE = "ceiling"
CONNECTIONS, RATE = 32, 20.0
FIGURES = {
    "accepted/s": "at 32 connections",
    "completed/s": "runs, from the first request until the sink has them all",
    "accept p50 ms": "at 20/s",
    "accept p99 ms": "at 20/s",
    "to sink p50 ms": "at 20/s, from the 202 to the step's request",
    "to sink p99 ms": "at 20/s",
    "refused": "answers other than 202",
    "lost": "answered with 202 and never at the sink",
    "repeated": "at the sink more than once",
}


@dataclass(frozen=True)
class Product:
    """A running copy."""

    ready: dict[str, str]
    pid: int
    database: Postgres


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, is_there: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_there():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come up in {seconds:.0f} s")
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(*command: str, environment: Mapping[str, str], seconds: float = 30.0) -> Iterator[subprocess.Popen[bytes]]:
    """One child process; told to stop at the end."""
    with subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL) as child:
        try:
            yield child
        finally:
            child.terminate()
            child.wait(seconds)


@contextlib.contextmanager
def product(root: Path, sink_port: int, *, environment: Mapping[str, str] | None = None) -> Iterator[Product]:
    """`automate up` with the sink as the one private address that its workflows may reach."""
    told = {"DJANGO_AUTOMATE_HOME": str(root), "DJANGO_AUTOMATE_PRIVATE_TARGETS": f"127.0.0.1:{sink_port}"}
    command = (sys.executable, "-m", "automate_platform", "up", "--port", "0")
    with running(*command, environment={**told, **(environment or {})}, seconds=60) as child:
        ready = root / "ready.json"
        wait_for("the product", lambda: ready.exists() or child.poll() is not None)
        if child.poll() is not None:
            raise SystemExit("automate up ended before it was ready")
        yield Product(json.loads(ready.read_text()), child.pid, Postgres.of(Home(root)))


@contextlib.contextmanager
def ceiling(database: Postgres, sink_port: int) -> Iterator[tuple[Target, int, int]]:
    """The prototype on the product's PostgreSQL; where to post, and its gateway's and worker's process ids."""
    with psycopg.connect(database.superuser_url(), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {CEILING_DATABASE}")
        admin.execute(f"CREATE DATABASE {CEILING_DATABASE}")
    url = database.superuser_url(CEILING_DATABASE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((Path(__file__).parent / "ceiling" / "schema.sql").read_text())
    port = free_port()
    told = {"CEILING_DATABASE": url, "CEILING_SINK": f"http://127.0.0.1:{sink_port}/"}
    options = [
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--no-access-log",
        "--log-level",
        "warning",
        "--lifespan",
        "off",
    ]
    server = (sys.executable, "-m", "uvicorn", "loadtests.ceiling.gateway:app", "--port", str(port), *options)
    work = (sys.executable, "-m", "loadtests.ceiling.worker")
    with running(*server, environment=told) as gateway, running(*work, environment=told) as worker:
        wait_for("the ceiling", lambda: listens(port))
        yield Target("ceiling", f"http://127.0.0.1:{port}/hook"), gateway.pid, worker.pid


def publish(ready: dict[str, str], sink_port: int) -> None:
    """Make the sample workflow one rule and one HTTP step to the sink: what the ceiling does."""
    step = {
        "id": "notify",
        "connector": "http",
        "action": "request",
        "idempotent": True,
        "params": {
            "method": "POST",
            "url": f"http://127.0.0.1:{sink_port}/",
            "json": {
                "seq": "{{ payload.seq }}",
                "amount": "{{ payload.amount }}",
                "email": "{{ payload.customer.email }}",
            },
        },
    }
    slug = call(ready, "GET", "/workflows")["results"][0]["slug"]
    known = call(ready, "GET", f"/workflows/{slug}")
    definition = {**known["draft"], "rule": {">": [{"var": "payload.amount"}, 100]}, "steps": [step]}
    changed = call(ready, "PUT", f"/workflows/{slug}", definition, revision=known["draft_revision"])
    call(ready, "POST", f"/workflows/{slug}/versions", {"note": "benchmark"}, revision=changed["draft_revision"])


def call(ready: dict[str, str], method: str, path: str, body: Any = None, *, revision: int | None = None) -> Any:
    headers = {"Authorization": f"Bearer {ready['api_key']}", "Content-Type": "application/json"}
    if revision is not None:
        headers["If-Match"] = f'"{revision}"'
    content = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(ready["api_url"].rstrip("/") + path, content, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from None


def measure(target: Target, sink: str, *, seconds: float, first: int) -> dict[str, float]:
    """One full and one slow round against `target`."""
    arrivals(sink, "reset")
    full = closed_loop(target, connections=CONNECTIONS, seconds=seconds, first=first)
    seen = drained(sink, full)
    began_at = min(one.began_at for one in full)
    last = max((arrived for arrived, _ in seen.values()), default=began_at)
    arrivals(sink, "reset")
    slow = open_loop(target, rate=RATE, seconds=seconds, first=first + 500_000)
    seen_slow = drained(sink, slow)
    accepted = [one for one in full if one.status == 202]
    waits = [1000 * (one.ended_at - one.began_at) for one in slow if one.status == 202]
    onwards = [1000 * (seen_slow[one.seq][0] - one.ended_at) for one in slow if one.seq in seen_slow]
    everything = seen | seen_slow
    return {
        "accepted/s": len(accepted) / (max(one.ended_at for one in full) - began_at),
        "completed/s": len(seen) / (last - began_at) if seen else 0.0,
        "accept p50 ms": percentile(waits, 0.5),
        "accept p99 ms": percentile(waits, 0.99),
        "to sink p50 ms": percentile(onwards, 0.5),
        "to sink p99 ms": percentile(onwards, 0.99),
        "refused": sum(one.status != 202 for one in [*full, *slow]),
        "lost": lost([*full, *slow], everything),
        "repeated": sum(count > 1 for _, count in everything.values()),
    }


def lost(sent: list[Sent], seen: dict[int, tuple[float, int]]) -> int:
    return sum(one.status == 202 and one.seq not in seen for one in sent)


def memory(pid: int, name: str) -> Iterator[tuple[str, float]]:
    """(name, resident MB) of a process and all below it, PostgreSQL's left out."""
    process = psutil.Process(pid)
    words = process.cmdline()
    if words and "postgres" not in Path(words[0]).name:
        label = words[words.index("automate_platform") + 1] if "automate_platform" in words else name
        yield label, process.memory_info().rss / 1024 / 1024
        for child in process.children():
            yield from memory(child.pid, label)


def report(
    rounds: dict[str, list[dict[str, float]]], sizes: list[tuple[str, float]], options: argparse.Namespace
) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} at the end"
    lines = [
        "# Whole path, beside the ceiling",
        "",
        f"{when} UTC, {machine}. Medians of {options.rounds} rounds of {options.seconds:g} s, alternated.",
        "",
        "| | " + " | ".join(rounds) + " | |",
        "|---|" + "---|" * (len(rounds) + 1),
    ]
    for figure, meaning in FIGURES.items():
        cells = [f"{statistics.median(one[figure] for one in many):.1f}" for many in rounds.values()]
        lines.append(f"| {figure} | " + " | ".join(cells) + f" | {meaning} |")
    lines.append("")
    for figure in ("accepted/s", "completed/s"):
        pairs = zip(*rounds.values(), strict=True)
        ratios = " ".join(f"{ours[figure] / top[figure]:.2f}" if top[figure] else "-" for ours, top in pairs)
        lines.append(f"Product / ceiling, {figure}, each round: {ratios}")
    lines += ["", "Memory after the load, resident MB: " + ", ".join(f"{name} {size:.0f}" for name, size in sizes)]
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=6.0)
    options.add_argument("--output", type=Path)
    chosen = options.parse_args()
    sink_port = free_port()
    sink = f"http://127.0.0.1:{sink_port}"
    rounds: dict[str, list[dict[str, float]]] = {"product": [], "ceiling": []}
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        stack.enter_context(running(sys.executable, "-m", "loadtests.sink", str(sink_port), environment={}))
        wait_for("the sink", lambda: listens(sink_port))
        copy = stack.enter_context(product(root, sink_port))
        publish(copy.ready, sink_port)
        ours = Target("product", copy.ready["webhook_url"], {"Authorization": f"Bearer {copy.ready['api_key']}"})
        top, gateway, worker = stack.enter_context(ceiling(copy.database, sink_port))
        closed_loop(ours, connections=4, seconds=1.0, first=0)  # caches, plans and pages are warm from here on
        closed_loop(top, connections=4, seconds=1.0, first=100_000)
        for number in range(chosen.rounds):
            for place, target in enumerate((ours, top)):
                first = 1_000_000 * (2 * number + place + 1)
                rounds[target.name].append(measure(target, sink, seconds=chosen.seconds, first=first))
                print(number + 1, target.name, {k: round(v, 1) for k, v in rounds[target.name][-1].items()}, flush=True)
        sizes = [*memory(copy.pid, "product"), *memory(gateway, "ceiling gateway"), *memory(worker, "ceiling worker")]
        text = report(rounds, sizes, chosen)
    print(text)
    if chosen.output:
        chosen.output.parent.mkdir(parents=True, exist_ok=True)
        chosen.output.write_text(text)


if __name__ == "__main__":
    main()
