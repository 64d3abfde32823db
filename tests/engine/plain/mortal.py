"""A worker of the plain project that ends itself with SIGKILL at a numbered point of its work: nothing is tidied up.

Points are: before every statement that writes (the engine's SQL files and the ORM's), so inside of transactions, too;
before and after every call of the http connector; before every tick. The engine knows nothing of them: they are put
around its doors here, in the process that is to die.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created
from django.utils import timezone

from automate import host
from automate.execution import ticks
from automate.models import EventBuffer, ExecutionRun, OutboxJob, StepRun
from automate.outbox import sql
from automate.services.deadletters import settle
from automate.worker.loop import Worker, WorkerOptions
from automate_connectors import registry

READS = re.compile(r"load_|config_token|switches|standing|next_due|SELECT|SAVEPOINT|RELEASE|PRAGMA|BEGIN|SET ")
TABLE = re.compile(r'\b(?:INTO|UPDATE|FROM)\s+"?(\w+)"?')


class Points:
    """Counts, prints each name, and dies at the `kill_at`-th (from 0)."""

    def __init__(self, kill_at: int | None):
        self._kill_at = kill_at
        self._passed = 0

    def pass_(self, name: str) -> None:
        number, self._passed = self._passed, self._passed + 1
        os.write(1, f"point {name}\n".encode())
        if number == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def put_around_the_engine(self) -> None:
        load, process, http = sql.load, ticks.process, registry.get("http")
        call = http.aexecute  # type: ignore[attr-defined]  # the http connector has it

        def loaded(name: str) -> str:
            if not READS.match(name):
                self.pass_(name)
            return load(name)

        def ticked(job_id: int, **more: Any) -> bool:
            self.pass_("tick")
            return process(job_id, **more)

        async def called(action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
            self.pass_(f"before {context['step_id']}")
            answer = await call(action, params, context)
            self.pass_(f"after {context['step_id']}")
            return answer

        sql.load, ticks.process, http.aexecute = loaded, ticked, called  # type: ignore[assignment,attr-defined]
        connection_created.connect(self._watch, weak=False)

    def _watch(self, *, connection: Any, **more: Any) -> None:
        connection.execute_wrappers.append(self._executed)

    def _executed(self, execute: Callable[..., Any], text: str, *rest: Any) -> Any:
        if not READS.match(text):
            table = TABLE.search(text)
            self.pass_(f"{text.split()[0]} {table[1] if table else ''}".strip())
        return execute(text, *rest)


def allow(target: str) -> None:
    """The sink is a private target."""
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "POLICY": {"private_targets": [target]}}


def work(*, kill_at: int | None = None, watched: bool = True) -> None:
    """Until nothing is due, or until it dies."""
    if watched:
        Points(kill_at).put_around_the_engine()
    worker = Worker(host.current().outbox(), WorkerOptions(batch_size=10))
    try:
        asyncio.run(worker.run_until_idle())
    finally:
        worker.close()


def recover(*, buffers_due: bool = False) -> None:
    """The dead worker's lease runs out and is reaped; what waits for a pause after a crash is due."""
    past = timezone.now() - timedelta(seconds=1)
    OutboxJob.objects.filter(status="CLAIMED").update(lease_expires_at=past)
    host.current().outbox().tend()
    OutboxJob.objects.filter(status="PENDING", attempts__gt=0).update(available_at=past)
    if buffers_due:
        EventBuffer.objects.update(due_at=past)
        OutboxJob.objects.filter(kind="tick", status="PENDING").update(available_at=past)


def recorded() -> list[str]:
    """Steps and items of unfinished runs whose result stands."""
    unfinished = ExecutionRun.objects.filter(status__in=["queued", "running", "waiting", "held"]).values("pk")
    rows = StepRun.objects.filter(run_id__in=unfinished, status="succeeded")
    return sorted(f"{step}.{item}" for step, item in rows.values_list("step_id", "item"))


def settle_doubts(*, happened: bool) -> list[str]:
    """A person says of every attempt in doubt what the receiver knows. Returns the steps."""
    doubts = StepRun.objects.filter(status="unknown", item=0).values_list("run_id", "step_id")
    named = [(run_id, step_id) for run_id, step_id in doubts if ExecutionRun.objects.get(pk=run_id).status == "held"]
    for run_id, step_id in named:
        verdict: Any = "happened" if happened else "did_not_happen"
        settle(run_id=run_id, step_id=step_id, item=0, verdict=verdict, actor="user:1", now=timezone.now())
    return [step_id for _, step_id in named]
