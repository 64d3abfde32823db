"""Calling a connector: asynchronous ones on the event loop, the others in threads, each under its step's time limit."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeVar

from automate import ids
from automate.definitions import StepDefinition
from automate.execution.outcome import StepTimeout
from automate.execution.processes import Processes
from automate.execution.progress import RunProgress
from automate.execution.schedule import Unit
from automate.execution.threads import ConnectorThreads
from automate.ingest import hops
from automate.triggers.completion import hops_of
from automate_connectors.adapters.base import ConnectorAdapter
from automate_governance import tracing
from automate_governance.redaction import redact
from automate_governance.storable import storable

Answer = TypeVar("Answer")


class StepLog:
    """What a connector says while it works: at most 200 lines of 2,000 characters, redacted before they are cut."""

    def __init__(self, secret_values: Callable[[], tuple[str, ...]]) -> None:
        self.lines: list[dict[str, str]] = []
        self._secret_values = secret_values  # those the run has resolved by then

    def __call__(self, level: str, message: object) -> None:
        if len(self.lines) < 200:
            at = datetime.now(timezone.utc).isoformat()
            shown = redact(storable(str(message)), self._secret_values())
            self.lines.append({"at": at, "level": str(level)[:20], "message": str(shown)[:2000]})


def connector_context(
    run: RunProgress,
    unit: Unit,
    step: StepDefinition,
    *,
    attempt: int,
    log: StepLog,
    secrets: dict[str, str],
    scope: object,
) -> dict[str, Any]:
    """The `context` of `ConnectorAdapter.execute`. The idempotency key is the same on every attempt, in a retry too."""
    key = ids.step_key(run.key_run_id or run.id, unit.step, unit.item, run.round_of(unit))
    trace = run.event.shown["trace_id"]
    depth = hops_of(run.event)
    return {
        "trace_id": trace,
        "traceparent": f"00-{trace}-{hops.parent_id(key, depth)}-01",
        "tracestate": hops.tracestate(depth),
        "hops": depth,
        "run_id": run.shown["id"],
        "workflow_id": str(run.workflow_id),
        "version_id": str(run.version_id),
        "step_id": unit.step,
        "item": unit.item,
        "attempt": attempt,
        "idempotency_key": key,
        "idempotent": step.idempotent,
        "timeout_seconds": float(step.timeout_seconds),
        "secrets": secrets,
        "pool_key": scope,  # connections are shared inside one tenant only
        "log": log,
    }


async def call(
    adapter: ConnectorAdapter,
    step: StepDefinition,
    params: dict[str, Any],
    context: dict[str, Any],
    threads: ConnectorThreads | Processes,
    *,
    seconds: float,
) -> Any:
    """The connector's answer. Raises StepTimeout when `seconds` pass; what the connector raises goes through.

    A synchronous connector that overruns is given up: it goes on in its thread, and its answer is dropped.
    """
    native = getattr(adapter, "aexecute", None)
    try:
        with hops.inside(context), tracing.of(str(context.get("trace_id") or "")):
            if native is not None:
                return await _within(seconds, partial(native, step.action, params, context))
            if isinstance(threads, Processes):
                return await _within(seconds, partial(threads.call, adapter, step.action, params, context))
            return await threads.call(partial(adapter.execute, step.action, params, context), seconds)
    except asyncio.TimeoutError:
        raise StepTimeout(f"The step took longer than its limit of {seconds:g} s.") from None


if sys.version_info >= (3, 11):

    async def _within(seconds: float, work: Callable[[], Awaitable[Answer]]) -> Answer:
        async with asyncio.timeout(seconds):
            return await work()

else:  # wait_for costs a task more per call

    async def _within(seconds: float, work: Callable[[], Awaitable[Answer]]) -> Answer:
        return await asyncio.wait_for(work(), seconds)
