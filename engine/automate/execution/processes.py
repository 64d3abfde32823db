"""Connectors in processes of their own (`WORKER_MODE` "process"): for those that compute for long in Python.

Parameters and answers travel as pickles; a process that dies takes one call with it, not the worker. What a connector
raises comes back as it is when it is a ConnectorError, else as `ConnectorFailed` with its type, text and stack.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ConnectorError
from automate_governance.egress.bound_secrets import carried, carry
from automate_governance.redaction import current


class ConnectorFailed(Exception):
    """A connector raised what only its own process knows."""


class ConnectorCrashed(Exception):
    """The process died in the middle of the call: whether it had an effect is not known."""


@dataclass
class _Outcome:
    """What a call came to, in plain data."""

    answer: Any = None
    error: dict[str, Any] | None = None  # the arguments of ConnectorError
    failure: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)


class Processes:
    """A pool that is made when it is first needed, and made again after a crash."""

    def __init__(self, limit: int):
        self._limit = min(limit, os.cpu_count() or 1)
        self._pool: ProcessPoolExecutor | None = None

    async def call(
        self, adapter: ConnectorAdapter, action: str, params: dict[str, Any], context: dict[str, Any]
    ) -> Any:
        """The connector's answer. Raises ConnectorError, ConnectorFailed, ConnectorCrashed."""
        log: Callable[[str, object], None] = context["log"]
        plain = {name: value for name, value in context.items() if name != "log"}
        pool = self._pool = self._pool or self._new()
        try:
            outcome = await asyncio.get_running_loop().run_in_executor(
                pool, _call, adapter.code, action, params, plain, (carried(), current.taken())
            )
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = None
            raise ConnectorCrashed(f"The process of connector “{adapter.code}” died during the call.") from None
        for level, message in outcome.lines:
            log(level, message)
        if outcome.error is not None:
            raise ConnectorError(**outcome.error)
        if outcome.failure:
            raise ConnectorFailed(outcome.failure)
        return outcome.answer

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)
            self._pool = None

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._limit, mp_context=get_context("spawn"), initializer=_set_up)


def _set_up() -> None:
    """A spawned process knows nothing: the project's settings are in its environment."""
    import signal

    import django

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker says when to stop
    django.setup()


def _call(code: str, action: str, params: dict[str, Any], context: dict[str, Any], known: Any) -> _Outcome:
    from automate_connectors import registry

    bound, redaction = known
    carry(bound)
    current.take(redaction)

    outcome = _Outcome()
    context["log"] = lambda level, message: outcome.lines.append((str(level), str(message)))
    try:
        outcome.answer = registry.get(code).execute(action, params, context)
    except ConnectorError as error:
        outcome.error = {
            "message": error.message,
            "retryable": error.retryable,
            "code": error.code,
            "retry_after": error.retry_after,
            "details": error.details,
            "in_doubt": error.in_doubt,
        }
    except Exception as error:  # whatever a connector raises
        outcome.failure = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
    return outcome
