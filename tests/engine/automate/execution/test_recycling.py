"""Connections of a worker's threads do not live for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import connection

from automate.execution import recycling
from automate.worker.loop import Worker
from automate_tenants.dispatch.store import DispatchStore


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


async def backends(worker: Worker) -> set[Any]:
    """Of ten questions, one after the other."""
    return {await worker._engine.in_database(backend) for _ in range(10)}


@pytest.mark.django_db(transaction=True)
def test_each_thread_takes_a_new_one_when_its_own_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(DispatchStore())
    try:
        kept = asyncio.run(backends(worker))
        monkeypatch.setattr(recycling, "CONNECTION_SECONDS", 0.0)
        replaced = asyncio.run(backends(worker))
    finally:
        worker.close()

    assert len(kept) < 10  # some thread was asked twice
    assert len(replaced) == 10
    assert not kept & replaced
