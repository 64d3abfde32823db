"""Webhook rates under attack: 80 threads in 4 processes against one limit, in a real window of 60 s.

usage: python -m loadtests.rates [--limits 100 5000] [--seconds 130] [--output loadtests/results/rates.md]

Starts its own copy of the product (`automate up` on a new HOME and a free port) and attacks its demo workspace. Each
thread asks `accept` for one event after the other, as a gateway does, until the time is over. Then the admissions, by
the database's clock, are looked at: never more than N in any window, and nothing refused that fitted.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import tempfile
import threading
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from automate_platform.installation import DATABASE
from loadtests.bench import free_port, product, wait_for

PROCESSES, THREADS = 4, 20
LONGER_SECONDS = 60.0  # for a machine that was too slow to be refused
ACCEPT = f"""
SELECT verdict, retry_ms, extract(epoch FROM statement_timestamp()) * 1000, extract(epoch FROM clock_timestamp()) * 1000
  FROM public.automate_accept_v4({", ".join(["%s"] * 14)}) ORDER BY verdict"""
WORKSPACE = UUID(int=0)
Span = tuple[float, float]
HEAD = """# Webhook rates under attack

`make proof-rates`: 80 threads in 4 processes call `automate_accept_v4`, where the limit is, as fast as it answers; a
refused thread asks again when something may fit. Looked at afterwards, by the database's clock: every window of 60 s,
and every refusal. "Fitted": fewer than N were admitted in the 60 s (above 200 a minute: and 0.1 s) before it.

| N a minute | seconds | admitted | most in any 60 s | refused | of these, fitted |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Proof:
    """What came out, in ms since 1970: admissions, rising, and the span in which each refusal was decided."""

    admitted_ms: list[float]
    refused_ms: list[Span]
    limit: int
    window_ms: int

    @property
    def most_in_a_window(self) -> int:
        most = first = 0
        for last, at in enumerate(self.admitted_ms):
            while self.admitted_ms[first] <= at - self.window_ms:
                first += 1
            most = max(most, last - first + 1)
        return most

    @property
    def wrongly_refused(self) -> int:
        """Refusals at whose moment fewer than N were in the window: something would have fitted."""
        return sum(self._admitted_in(begun - self._counted_ms, ended) < self.limit for begun, ended in self.refused_ms)

    def as_row(self, seconds: float) -> str:
        """For the table of `HEAD`."""
        figures = (self.limit, seconds, len(self.admitted_ms), self.most_in_a_window, len(self.refused_ms))
        return "| " + " | ".join(f"{figure:,.0f}" for figure in (*figures, self.wrongly_refused)) + " |"

    @property
    def _counted_ms(self) -> int:
        """How long an admission counts at most: its time is rounded up."""
        return self.window_ms + (1 if self.limit <= 200 else 100) + 1

    def _admitted_in(self, since_ms: float, until_ms: float) -> int:
        return bisect_right(self.admitted_ms, until_ms) - bisect_left(self.admitted_ms, since_ms)


def attack(database_url: str, *, tenant_id: int, schema: str, limit: int, window_ms: int, seconds: float) -> Proof:
    """Set the limit, attack it from 4 processes, and read what was admitted.

    A machine that cannot ask often enough to reach the limit in `seconds` is given up to a minute more.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """INSERT INTO public.automate_tenants_webhooklimit
                 (tenant_id, endpoint_id, per_window, window_ms, is_held, layer)
               VALUES (%s, %s, %s, %s, false, 'tenant')
               ON CONFLICT (tenant_id, endpoint_id) DO UPDATE
                  SET (per_window, window_ms, is_held) = (excluded.per_window, excluded.window_ms, false)""",
            [tenant_id, WORKSPACE, limit, window_ms],
        )
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[list[Span]] = context.Queue()
    processes = [
        context.Process(target=_work, args=(database_url, tenant_id, seconds, queue)) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    refused = [span for _ in processes for span in queue.get(timeout=seconds + 2 * LONGER_SECONDS)]
    for process in processes:
        process.join()
    query = psycopg.sql.SQL("SELECT extract(epoch FROM received_at) * 1000 FROM {}.automate_event ORDER BY 1")
    with psycopg.connect(database_url, autocommit=True) as connection:
        kept = connection.execute(
            """SELECT per_window, window_ms FROM public.automate_tenants_webhooklimit
                WHERE tenant_id = %s AND endpoint_id = %s""",
            [tenant_id, WORKSPACE],
        ).fetchone()
        if kept != (limit, window_ms):
            raise RuntimeError(f"The limit became {kept} under the attack: this says nothing.")
        rows = connection.execute(query.format(psycopg.sql.Identifier(schema))).fetchall()
    return Proof([float(at) for (at,) in rows], refused, limit, window_ms)


def _work(database_url: str, tenant_id: int, seconds: float, queue: multiprocessing.Queue[list[Span]]) -> None:
    refused: list[Span] = []
    threads = [
        threading.Thread(target=_ask, args=(database_url, tenant_id, time.monotonic() + seconds, refused))
        for _ in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue.put(refused)


def _ask(database_url: str, tenant_id: int, until: float, refused: list[Span]) -> None:
    """One thread: a refusal is asked again when something may fit, at the latest after 20 ms.

    `refused` is its process's: it goes on past `until` while none of its threads was refused.
    """
    pause = threading.Event()
    with psycopg.connect(database_url, autocommit=True) as connection:
        while time.monotonic() < (until if refused else until + LONGER_SECONDS):
            event = [[tenant_id], [uuid4()], [uuid4()], ["a"], ["webhook:default"], ["{}"], ["{}"], [datetime.now(UTC)]]
            try:
                rows = connection.execute(ACCEPT, [*event, [None], [None], [None], [b"x"], [0], [None]]).fetchall()
            except psycopg.errors.LockNotAvailable:
                continue  # as a gateway does: nothing was stored, ask again
            if rows[0][0] == "limited":
                _, retry_ms, begun, ended = rows[0]
                refused.append((float(begun), float(ended)))
                pause.wait(min(0.02, retry_ms / 1000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limits", type=int, nargs="+", default=[100, 5000])
    parser.add_argument("--window-ms", type=int, default=60_000)
    parser.add_argument("--seconds", type=float, default=130.0, help="of each attack; more than two windows")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rates-", ignore_cleanup_errors=True)))
        copy = stack.enter_context(product(root, free_port()))
        url = copy.database.superuser_url(DATABASE)
        tenant_id, schema = workspace(url, copy.ready["workspace"])
        lines = []
        for limit in options.limits:
            asked = {"limit": limit, "window_ms": options.window_ms, "seconds": options.seconds}
            proof = attack(url, tenant_id=tenant_id, schema=schema, **asked)
            lines.append(proof.as_row(options.seconds))
            print(lines[-1], flush=True)
            if proof.most_in_a_window > limit or proof.wrongly_refused:
                raise SystemExit(1)
    if options.output:
        options.output.write_text(HEAD + "\n".join(lines) + "\n")


def workspace(database_url: str, slug: str) -> tuple[int, str]:
    """Id and schema of the workspace that the copy was made with, once a worker has put it on its plan."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        given = "SELECT EXISTS (SELECT FROM public.automate_billing_subscription)"
        wait_for("a plan", lambda: bool(connection.execute(given).fetchone()[0]))  # type: ignore[index]  # one row always
        row = connection.execute(
            "SELECT id, schema_name FROM public.automate_tenants_tenant WHERE slug = %s", [slug]
        ).fetchone()
    if row is None:
        raise SystemExit(f"There is no workspace {slug}.")
    return int(row[0]), str(row[1])


if __name__ == "__main__":
    main()
