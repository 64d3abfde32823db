"""A worker that was stopped for longer than its lease calls nobody for what is another's by then."""

from __future__ import annotations

import asyncio

from automate.worker.loop import Worker
from automate_tenants.dispatch.store import DispatchStore
from tests.engine.automate.execution.conftest import Bench, step
from tests.engine.automate.execution.connectors import ScriptedAdapter


def test_what_another_worker_has_done_meanwhile_is_not_done_again(
    bench: Bench, scripted: type[ScriptedAdapter]
) -> None:
    bench.publish(step("look"))
    bench.emit()
    stopped = Worker(DispatchStore())
    claim = DispatchStore().claim_batch(limit=1, worker=stopped.name, lease_seconds=0.001)
    assert claim is not None
    bench.crash()
    bench.work()
    before = bench.everything_stored()
    assert len(scripted.calls) == 1

    asyncio.run(stopped._process(claim))  # it wakes up
    stopped.close()

    assert len(scripted.calls) == 1
    assert bench.everything_stored() == before


def test_what_nobody_has_taken_goes_on(bench: Bench, scripted: type[ScriptedAdapter]) -> None:
    bench.publish(step("look"))
    bench.emit()
    stopped = Worker(DispatchStore())
    claim = DispatchStore().claim_batch(limit=1, worker=stopped.name, lease_seconds=0.001)
    assert claim is not None

    asyncio.run(stopped._process(claim))
    stopped.close()

    assert len(scripted.calls) == 1
    assert bench.run().status == "succeeded"
