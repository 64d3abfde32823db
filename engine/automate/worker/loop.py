"""The worker's loop: claim a batch, work on it, claim the next while it runs.

Sleeps until a bell rings (NOTIFY), something falls due, or a second has passed. Leases are renewed at a third of their
length; a lease that was lost takes its batch with it. Told to stop, it claims nothing more, lets runs reach their next
step, records them and gives the rest back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from django.db import DatabaseError, connections

from automate import configuration
from automate.execution.batch import Batch
from automate.execution.engine import ExecutionEngine
from automate.execution.processes import Processes
from automate.execution.threads import ConnectorThreads
from automate.outbox.store import Claim, OutboxStore
from automate.worker.bell import Bell
from automate.worker.duties import Duties
from automate.worker.pulse import Pulse
from automate_connectors import registry
from automate_governance.clock import Clock

logger = logging.getLogger("automate.worker")

QUICK_BATCHES = 3  # in flight at once; one that turns slow makes room for another
DATABASE_THREADS = QUICK_BATCHES + 4  # one each for claiming, renewing and tending, keeping house, notifying
MAX_RUNS = 2_000  # in a worker's hands at once, waiting for slow receivers mostly
IDLE_SECONDS = 1.0
DRAIN_SECONDS = 30.0


@dataclass(frozen=True)
class WorkerOptions:
    batch_size: int = 10  # jobs claimed at once
    lease_seconds: float = 30.0
    connector_threads: int = 16  # for connectors that are not asynchronous
    in_processes: bool = False  # call those in processes of their own


class Worker:
    """One worker process. `name` is random: a process that comes back under a known name must not revive its leases."""

    def __init__(
        self,
        store: OutboxStore,
        options: WorkerOptions | None = None,
        *,
        clock: Clock | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ):
        self._store = store
        self._options = options or WorkerOptions()
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._halted = False  # by a kill switch: nothing is claimed
        self._on_ready = on_ready
        self.pulse = Pulse()
        self._database = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="automate-db")
        self._connectors = _connectors(self._options)
        self._engine = ExecutionEngine(
            store,
            connectors=self._connectors,
            database=self._database,
            clock=clock,
            must_stop=lambda: self._stopping,
        )
        self._batches: dict[int, Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # -- the two ways to run it ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until `stop` is called; then drain."""
        await self._begin()
        bell = Bell(asyncio.get_running_loop(), self._wake.set)
        duties = Duties(
            self._store,
            self._engine.in_database,
            self.pulse,
            self._wake.set,
            every_seconds=self._look_seconds,
            look=self._look,
        )
        keepers = [asyncio.ensure_future(self._renew()), *duties.start()]
        try:
            bell.start()
            self.pulse.database_answered()
            self._on_ready()
            while not self._stopping:
                await self._work_once()
            await self._drain()
        finally:
            bell.stop()
            await _cancel(keepers)
            self.close()

    async def run_slice(self, seconds: float) -> None:
        """Work for at most so long, or until nothing has been due for a second, and finish what is in hand.

        The duties are others'. Raises DatabaseError when it cannot begin.
        """
        try:
            await self._begin()
        except DatabaseError:
            self.close()
            raise
        bell = Bell(asyncio.get_running_loop(), self._wake.set)
        keepers = [asyncio.ensure_future(self._renew()), asyncio.ensure_future(self._keep_looking())]
        busy_at = 0.0  # not yet: who finds nothing at first is done
        until, is_idle = time.monotonic() + seconds, False
        try:
            bell.start()
            while not self._stopping and not is_idle and time.monotonic() < until:
                if await self._take():
                    busy_at = time.monotonic()
                elif self._tasks or time.monotonic() - busy_at < IDLE_SECONDS:
                    await self._sleep()
                else:
                    is_idle = True
            while self._tasks and not self._stopping:
                await asyncio.wait(self._tasks, timeout=IDLE_SECONDS)
            await self._drain()
        finally:
            bell.stop()
            await _cancel(keepers)
            self.close()

    async def run_until_idle(self) -> int:
        """Work on what is due now and return how many claims that took: the synchronous mode, and tests."""
        claims = 0
        self._halted = not configuration.is_enabled()  # a claim sees the other kill switches by itself
        while (claim := await self._claim()) is not None:
            await self._engine.in_database(partial(self._store.confirm, claim))
            await self._process(claim)
            claims += 1
        return claims

    def stop(self) -> None:
        """Claim nothing more; `run` returns once what is in hand is recorded. Safe in a signal handler of the loop."""
        self._stopping = True
        self.pulse.is_stopping = True
        self._wake.set()

    def stop_soon(self) -> None:
        """`stop`, from any thread."""
        loop, self._stopping = self._loop, True
        if loop is not None:
            with suppress(RuntimeError):  # it is closed: nothing is left to stop
                loop.call_soon_threadsafe(self.stop)

    def close(self) -> None:
        """Close this worker's threads and their connections."""
        together = threading.Barrier(DATABASE_THREADS)  # so that each thread, not the quickest one, closes its own
        for _ in range(DATABASE_THREADS):
            self._database.submit(_close_connections, together)
        self._database.shutdown(wait=True)
        self._connectors.shutdown(wait=False, cancel_futures=True)

    # -- one turn --------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(QUICK_BATCHES)
        await self._look()
        registry.all()  # loads every connector now: the first event should not wait for imports

    async def _work_once(self) -> None:
        if not await self._take():
            await self._sleep()

    async def _take(self) -> bool:
        """Claim a batch and begin to work on it; False when there is none to be had."""
        await self._slots.acquire()
        claim = None
        try:
            if not self._stopping and self._runs_in_hand() < MAX_RUNS:
                claim = await self._claim()
        except DatabaseError as error:
            logger.warning("The database does not answer; trying again in a second.", extra={"error": str(error)})
        if claim is None:
            self._slots.release()
            return False
        for work in (self._process_in_slot(claim), self._confirm(claim)):
            task = asyncio.ensure_future(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return True

    async def _look(self) -> None:
        """At the kill switches: of everything, and of what is in hand; runs stop at their next step."""
        batches = dict(self._batches)
        found = await self._engine.in_database(partial(self._store.switches, list(batches)))
        self._halted = found.everything or not configuration.is_enabled()
        for lease, batch in batches.items():
            token = found.tokens.get(lease, batch.config_token)
            if self._halted or lease in found.leases:
                batch.halt()
            elif token != batch.config_token:
                batch.config_token = token
                batch.halt(await self._engine.in_database(partial(self._store.halted, batch.claim)))

    async def _claim(self) -> Claim | None:
        if self._halted:
            return None
        options = self._options
        return await self._engine.in_database(
            lambda: self._store.claim_batch(
                limit=options.batch_size, worker=self.name, lease_seconds=options.lease_seconds
            )
        )

    async def _confirm(self, claim: Claim) -> None:
        """Beside the work on a claim: a ring that fell into it is heard now."""
        with suppress(DatabaseError):  # the sweep finds what is missed
            if await self._engine.in_database(partial(self._store.confirm, claim)):
                self._wake.set()

    async def _process_in_slot(self, claim: Claim) -> None:
        """Work on a claim; its slot is free again when it is done or has turned slow."""
        slot = _Slot(self._slots)
        try:
            await self._process(claim, on_slow=slot.free)
        finally:
            slot.free()
        self._wake.set()  # its finish may have found more that is due

    async def _process(self, claim: Claim, *, on_slow: Callable[[], None] = lambda: None) -> None:
        try:
            batch = await self._engine.open(claim, on_slow=on_slow)
            self._batches[claim.lease_id] = batch
            await batch.process()
        except DatabaseError as error:
            logger.warning("A batch was given up: the database does not answer.", extra={"error": str(error)})
        except Exception:
            logger.exception("A batch was given up; its jobs come back when the lease runs out.")
        finally:
            self._batches.pop(claim.lease_id, None)

    async def _sleep(self) -> None:
        """Until the bell rings, something falls due, or a second has passed."""
        due = None
        try:
            due = await self._engine.in_database(self._store.next_due_seconds)
        except DatabaseError:
            logger.debug("The next due time is not to be had.")
        seconds = IDLE_SECONDS if due is None else min(IDLE_SECONDS, max(0.01, due))
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    def _runs_in_hand(self) -> int:
        return sum(batch.size for batch in self._batches.values())

    # -- beside the loop -------------------------------------------------------------------------------------------

    @property
    def _look_seconds(self) -> float:
        return min(IDLE_SECONDS, self._options.lease_seconds / 3)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            with suppress(DatabaseError):
                await self._look()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._options.lease_seconds / 3)
            leases, asked_at = list(self._batches), time.monotonic()
            renew = partial(self._store.renew, leases, worker=self.name, lease_seconds=self._options.lease_seconds)
            try:
                held = await self._engine.in_database(renew) if leases else set()
            except DatabaseError:
                continue  # the leases run on their own clock; a write will tell
            for lease in leases:
                if (batch := self._batches.get(lease)) is not None:
                    if lease in held:
                        batch.claim.renewed(asked_at)
                    else:
                        batch.lose()

    async def _drain(self) -> None:
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
            for batch in list(self._batches.values()):
                batch.lose()
            for task in late:
                task.cancel()


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _connectors(options: WorkerOptions) -> ConnectorThreads | Processes:
    """Where connectors that are not asynchronous are called."""
    if options.in_processes:
        return Processes(options.connector_threads)
    return ConnectorThreads(options.connector_threads)


class _Slot:
    """A place among the quick batches, given back once."""

    def __init__(self, slots: asyncio.Semaphore):
        self._slots: asyncio.Semaphore | None = slots

    def free(self) -> None:
        if self._slots is not None:
            self._slots.release()
            self._slots = None


def _close_connections(together: threading.Barrier) -> None:
    with suppress(threading.BrokenBarrierError):
        together.wait(timeout=5)
    connections.close_all()


def configured_options() -> WorkerOptions:
    """The options of `DJANGO_AUTOMATE["EXECUTION"]`."""
    execution = configuration.execution()
    return WorkerOptions(
        batch_size=execution.batch_size,
        lease_seconds=float(execution.lease_seconds),
        connector_threads=execution.connector_threads,
        in_processes=configuration.worker_mode() == "process",
    )
