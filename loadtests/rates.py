"""Webhook rates under attack: 80 threads in 4 processes against one limit; `python -m loadtests.rates`.

Each thread asks `accept` for one event after the other, as a gateway does, until the time is over. Then the admissions,
by the database's clock, are looked at: never more than N in any window, and nothing refused that fitted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import threading
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg

PROCESSES, THREADS = 4, 20
ACCEPT = f"""
SELECT verdict, retry_ms, extract(epoch FROM statement_timestamp()) * 1000, extract(epoch FROM clock_timestamp()) * 1000
  FROM public.automate_accept_v2({", ".join(["%s"] * 14)}) ORDER BY verdict"""
WORKSPACE = UUID(int=0)
Span = tuple[float, float]


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

    @property
    def _counted_ms(self) -> int:
        """How long an admission counts at most: its time is rounded up."""
        return self.window_ms + (1 if self.limit <= 200 else 100) + 1

    def _admitted_in(self, since_ms: float, until_ms: float) -> int:
        return bisect_right(self.admitted_ms, until_ms) - bisect_left(self.admitted_ms, since_ms)


def attack(database_url: str, *, tenant_id: int, schema: str, limit: int, window_ms: int, seconds: float) -> Proof:
    """Set the limit, attack it from 4 processes, and read what was admitted."""
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
    refused = [span for _ in processes for span in queue.get(timeout=seconds + 60)]
    for process in processes:
        process.join()
    query = psycopg.sql.SQL("SELECT extract(epoch FROM received_at) * 1000 FROM {}.automate_event ORDER BY 1")
    with psycopg.connect(database_url, autocommit=True) as connection:
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
    """One thread: a refusal is asked again when something may fit, at the latest after 20 ms."""
    pause = threading.Event()
    with psycopg.connect(database_url, autocommit=True) as connection:
        while time.monotonic() < until:
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenant", type=int, required=True, help="id of a workspace made for this")
    parser.add_argument("--schema", required=True)
    parser.add_argument("--limits", type=int, nargs="+", default=[100, 5000])
    parser.add_argument("--window-ms", type=int, default=60_000)
    parser.add_argument("--seconds", type=float, default=190.0)
    options = parser.parse_args()
    for limit in options.limits:
        proof = attack(
            os.environ["DATABASE_URL"],
            tenant_id=options.tenant,
            schema=options.schema,
            limit=limit,
            window_ms=options.window_ms,
            seconds=options.seconds,
        )
        print(
            f"N = {limit}: {len(proof.admitted_ms)} admitted, {len(proof.refused_ms)} refused, "
            f"{proof.wrongly_refused} of them wrongly, at most "
            f"{proof.most_in_a_window} in any {options.window_ms / 1000:g} s"
        )
        if proof.most_in_a_window > limit or proof.wrongly_refused:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
