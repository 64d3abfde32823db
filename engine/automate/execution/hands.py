"""What a run may ask of the batch it is in: the only way from a step to the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from automate.policy.guard import Guard

Answer = TypeVar("Answer")


class InTenant(Protocol):
    """Runs blocking work in a database thread, inside the run's tenant."""

    def __call__(self, work: Callable[[], Answer], /) -> Awaitable[Answer]: ...


@dataclass(frozen=True)
class Hands:
    scope: Hashable
    guard: Guard  # what policy lets the run do
    make_durable: Callable[[], Awaitable[None]]  # returns once everything up to now is committed
    must_stop: Callable[[], bool]  # whether the worker was told to stop
    in_tenant: InTenant
    data_key: bytes
    is_overdue: Callable[[], bool] = lambda: False  # whether the lease may have run out: a write tells
