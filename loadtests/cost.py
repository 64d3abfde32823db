"""Processor time of one event: gateway, worker, PostgreSQL; beside another commit, and without policy and redaction.

usage: python -m loadtests.cost [--against FOLDER] [--without] [--rounds 5] [--events 600] [--cases …] [--output FILE]

Starts a copy of the product (`automate up`) of this tree; with `--against`, one of the checkout at FOLDER; with
`--without`, one of this tree whose policy and redaction do nothing (`loadtests.ungoverned`), and one whose workspace
has every rule of policy set that an event and a call are held to (`POLICY`): what it takes more than the one without is
the cost of policy and redaction. Then a copy that is watched (`loadtests.profiled`) says where the time goes.

In each round each copy in turn takes `--events` events over 32 connections while its worker is stopped, then the worker
goes on until the outbox is empty: both work at saturation, in batches of the same size in every round. User and system
time of the processes, read before, between and after, stand the noise of a shared machine far better than the clock.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from loadtests.bench import Product, call, free_port, listens, product, running, wait_for
from loadtests.load import Target, closed_loop

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("gateway", "worker", "postgres")
BOTH = ("gateway", "worker")
GOVERNED = "every rule"
FIGURES = ("gateway", "postgres: accept", "worker", "postgres: work", "together")
RULE = {">": [{"var": "payload.amount"}, 100]}
NEVER = {">": [{"var": "payload.amount"}, 1_000_000]}
WARM = 200  # events before what is measured
CASES = {
    "http": "rule, one HTTP step, recorded",
    "http-5": "rule, five HTTP steps, recorded",
    "log": "rule, one `core.log` step, recorded",
    "no-match": "an event that no rule wants",
}
POLICY = {  # none of them is reached
    "webhook_rate": 1_000_000,
    "endpoint_rates": {"*": 1_000_000},
    "host_allowlist": ["127.0.0.1:*"],
    "connector_allowlist": ["http.request", "core.log"],
    "outbound_rates": {"127.0.0.1:*": 1_000_000},
    "llm_budget_daily": "5.00",
    "mask_emails": True,
}
TARGET = 0.25  # of the time of gateway and worker: what policy and redaction may take
ROOTS = ("platform", "web", "tenants", "billing", "engine")


@dataclass(frozen=True)
class Copy:
    """A running copy and where its processor time is counted."""

    name: str
    running: Product
    target: Target

    def busy(self) -> dict[str, float]:
        """Seconds of processor time so far, by part; PostgreSQL with the backends that have ended."""
        found = dict.fromkeys(PARTS, 0.0)
        for process in psutil.Process(self.running.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                words, times = process.cmdline(), process.cpu_times()
                if words and "postgres" in Path(words[0]).name:
                    found["postgres"] += times.user + times.system + times.children_user + times.children_system
                elif "automate_platform" in words:
                    part = words[words.index("automate_platform") + 1]
                    if part in found:
                        found[part] += times.user + times.system
        return found

    def worker(self) -> psutil.Process:
        below = psutil.Process(self.running.pid).children(recursive=True)
        return next(process for process in below if process.cmdline()[-2:] == ["automate_platform", "worker"])

    def is_idle(self) -> bool:
        with psycopg.connect(self.running.database.superuser_url("automate"), autocommit=True) as connection:
            schemas = connection.execute("SELECT schema_name FROM public.automate_tenants_tenant").fetchall()
            for (schema,) in schemas:
                waiting = f"SELECT EXISTS (SELECT FROM {schema}.automate_outboxjob WHERE status <> 'COMPLETED')"
                if connection.execute(waiting).fetchone() != (False,):
                    return False
        return True


def steps_of(case: str, sink_port: int) -> list[dict[str, Any]]:
    if not case.startswith("http"):
        return [{"id": "note", "connector": "core", "action": "log", "params": {"message": "{{ payload.seq }}"}}]
    document = {"seq": "{{ payload.seq }}", "amount": "{{ payload.amount }}", "email": "{{ payload.customer.email }}"}
    params = {"method": "POST", "url": f"http://127.0.0.1:{sink_port}/", "json": document}
    step = {"connector": "http", "action": "request", "idempotent": True, "params": params}
    return [{"id": f"notify{number}", **step} for number in range(5 if case == "http-5" else 1)]


def publish(copy: Copy, case: str, sink_port: int) -> None:
    """The sample workflow becomes the case."""
    ready = copy.running.ready
    slug = call(ready, "GET", "/workflows")["results"][0]["slug"]
    known = call(ready, "GET", f"/workflows/{slug}")
    rule = NEVER if case == "no-match" else RULE
    definition = {**known["draft"], "rule": rule, "steps": steps_of(case, sink_port)}
    changed = call(ready, "PUT", f"/workflows/{slug}", definition, revision=known["draft_revision"])
    call(ready, "POST", f"/workflows/{slug}/versions", {"note": case}, revision=changed["draft_revision"])


def govern(copy: Copy) -> None:
    """Its workspace gets every rule; they hold within 2 s."""
    known = call(copy.running.ready, "GET", "/policy")
    call(copy.running.ready, "PUT", "/policy", POLICY, revision=known["revision"])
    time.sleep(3)


def measure(copy: Copy, events: int, first: int) -> dict[str, float]:
    """Milliseconds of processor time for one event, and events/s by the clock, of accepting and of working."""
    worker, before, began_at = copy.worker(), copy.busy(), time.monotonic()
    worker.suspend()
    try:
        sent = closed_loop(copy.target, connections=32, seconds=600.0, first=first, limit=events)
        between, accepted_at = copy.busy(), time.monotonic()
    finally:
        worker.resume()
    wait_for(f"{copy.name} to have done it", copy.is_idle)
    after, done_at = copy.busy(), time.monotonic()
    if refused := sum(one.status != 202 for one in sent):
        raise SystemExit(f"{copy.name} refused {refused} of {len(sent)}")
    used = {
        "gateway": after["gateway"] - before["gateway"],
        "postgres: accept": between["postgres"] - before["postgres"],
        "worker": after["worker"] - before["worker"],
        "postgres: work": after["postgres"] - between["postgres"],
    }
    found = {figure: seconds * 1000 / events for figure, seconds in used.items()}
    speeds = {"accepted/s": events / (accepted_at - began_at), "done/s": events / (done_at - accepted_at)}
    return {**found, "together": sum(found.values()), **speeds}


def report(measured: dict[str, dict[str, list[dict[str, float]]]], options: argparse.Namespace) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    lines = ["# Processor time of one event", ""]
    lines += [
        f"{when} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; `python -m loadtests.cost`,"
    ]
    lines += [
        f"medians of {options.rounds} rounds of {options.events} events in turns; ms of user and system time.",
    ]
    for case, copies in measured.items():
        lines += ["", f"## {case}: {CASES[case]}", "", f"| | {' | '.join(FIGURES)} | accepted/s | done/s |"]
        lines += ["|---|" + "---|" * (len(FIGURES) + 2)]
        for name, rounds in copies.items():
            cells = [f"{statistics.median(one[figure] for one in rounds):.3f}" for figure in FIGURES]
            cells += [f"{statistics.median(one[speed] for one in rounds):,.0f}" for speed in ("accepted/s", "done/s")]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        for name in [name for name in copies if name not in ("this", GOVERNED)]:
            lines += ["", *ratios(copies["this"], copies[name], f"this / {name}")]
        if GOVERNED in copies:
            lines += ["", *ratios(copies[GOVERNED], copies["without"], f"{GOVERNED} / without")]
            lines += [f"- {share(copies[GOVERNED], copies['without'])}"]
    return "\n".join(lines) + "\n"


def share(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> str:
    """What policy and redaction take of the time of gateway and worker, against the aim."""
    taken = [1 - sum(map(b.get, BOTH)) / sum(map(a.get, BOTH)) for a, b in zip(ours, theirs, strict=True)]  # type: ignore[arg-type]
    found = statistics.median(taken)
    verdict = "within" if found <= TARGET else "ABOVE"
    return f"policy and redaction take **{found:.0%}** of gateway + worker: {verdict} the aim of at most {TARGET:.0%}"


def ratios(ours: list[dict[str, float]], theirs: list[dict[str, float]], name: str) -> list[str]:
    """A line for each sum of figures that is worth comparing, round by round."""
    lines = []
    for figures in (("gateway",), ("worker",), BOTH, FIGURES[:-1]):
        pairs = [sum(map(a.get, figures)) / sum(map(b.get, figures)) for a, b in zip(ours, theirs, strict=True)]  # type: ignore[arg-type]
        each = " ".join(f"{pair:.2f}" for pair in pairs)
        what = "together" if len(figures) == len(FIGURES) - 1 else " + ".join(figures)
        lines.append(f"- {name}, {what}: **{statistics.median(pairs):.2f}** ({each})")
    return lines


def environments(options: argparse.Namespace) -> dict[str, dict[str, str]]:
    """copy → what its processes find on their path."""
    found: dict[str, dict[str, str]] = {"this": {}}
    if options.against:
        folder = options.against.resolve()
        found[options.name] = {"PYTHONPATH": os.pathsep.join(str(folder / root) for root in ROOTS)}
    if options.without:
        found[GOVERNED] = {}
        found["without"] = {"PYTHONPATH": str(ROOT / "loadtests" / "ungoverned")}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--name", default="other", help="what to call the other commit")
    parser.add_argument("--without", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=600)
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    measured: dict[str, dict[str, list[dict[str, float]]]] = {}
    with contextlib.ExitStack() as stack:
        sink_port = free_port()
        stack.enter_context(running(sys.executable, "-m", "loadtests.sink", str(sink_port), environment={}))
        wait_for("the sink", lambda: listens(sink_port))
        with contextlib.ExitStack() as copies_end:
            copies = [start(copies_end, *one, sink_port) for one in environments(options).items()]
            measure_all(copies, options, sink_port, measured)
        text = report(measured, options)
        if options.without:
            text += profile(stack, sink_port, options)
    print(text)
    if options.output:
        options.output.write_text(text)


def start(stack: contextlib.ExitStack, name: str, environment: dict[str, str], sink_port: int) -> Copy:
    root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cost-", ignore_cleanup_errors=True)))
    made = stack.enter_context(product(root, sink_port, environment=environment))
    copy = Copy(
        name, made, Target(name, made.ready["webhook_url"], {"Authorization": f"Bearer {made.ready['api_key']}"})
    )
    if name == GOVERNED:
        govern(copy)
    return copy


def measure_all(
    copies: list[Copy],
    options: argparse.Namespace,
    sink_port: int,
    measured: dict[str, dict[str, list[dict[str, float]]]],
) -> None:
    number = 0
    for case in options.cases:
        measured[case] = defaultdict(list)
        for copy in copies:
            publish(copy, case, sink_port)
            measure(copy, WARM, number := number + 1_000_000)  # caches, plans and connections are warm from here on
        for _ in range(options.rounds):
            for copy in copies:
                found = measure(copy, options.events, number := number + 1_000_000)
                measured[case][copy.name].append(found)
                print(case, copy.name, json.dumps({k: round(v, 3) for k, v in found.items()}), flush=True)


def profile(stack: contextlib.ExitStack, sink_port: int, options: argparse.Namespace) -> str:
    """Where gateway and worker spend their processor time, with every rule set: shares, and the dearest functions."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cost-profile-")))
    environment = {"PYTHONPATH": str(ROOT / "loadtests" / "profiled"), "LOADTESTS_PROFILE": str(folder)}
    copy = start(stack, GOVERNED, environment, sink_port)
    case = options.cases[0]
    publish(copy, case, sink_port)
    measure(copy, WARM, 1)
    (folder / "begin").touch()
    time.sleep(1)
    measure(copy, options.events * 2, 2_000_000)
    time.sleep(1)
    lines = ["", f"## Where the time goes: {case}, every rule", ""]
    for process in BOTH:
        told = json.loads((folder / f"{process}.json").read_text())
        total = sum(told["areas"].values()) or 1.0
        shares = sorted(told["areas"].items(), key=lambda item: -item[1])
        lines.append(f"- {process}: " + ", ".join(f"{area} {spent / total:.0%}" for area, spent in shares))
        dearest = ", ".join(f"`{name}` {spent / total:.1%}" for name, spent in told["functions"].items())
        lines.append(f"  - by function, itself alone: {dearest}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
