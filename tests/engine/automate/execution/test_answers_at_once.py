"""An answer at the moment its run is put away: whichever comes first, the run goes on, and neither waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timezone
from typing import Any

import pytest
from django.db import connection

from automate.models import RunWait
from automate.outbox import postgres
from automate.runtime import emit_event
from automate.services.runs import cancel_run
from automate.services.waits import answer_approval
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step

APPROVE = {"id": "ask", "connector": "core", "action": "approve", "params": {"message": "Ship it?"}}
PAID = {"id": "ask", "connector": "core", "action": "wait_for_event", "params": {"event_type": "order.paid"}}
AtOnce = Callable[..., list[Any]]


def now() -> datetime:
    return datetime.now(timezone.utc)


def open_wait(bench: Bench) -> RunWait:
    with tenant_scope(bench.ref):
        return RunWait.objects.get(status="open")


def answer(bench: Bench) -> None:
    wait = open_wait(bench)
    with tenant_scope(bench.ref):
        answer_approval(wait_id=wait.id, approved=True, actor="user:1", now=now())


def pay(bench: Bench) -> None:
    with tenant_scope(bench.ref):
        emit_event("order.paid", {})


def cancel(bench: Bench) -> None:
    run = bench.run()
    with tenant_scope(bench.ref):
        cancel_run(run_id=run.id, actor="user:1", now=now())


@pytest.mark.postgresql("locks of rows, as its write takes them")
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("asks", "act", "status"),
    [(APPROVE, answer, "succeeded"), (PAID, pay, "succeeded"), (APPROVE, cancel, "cancelled")],
    ids=["a person", "an event", "a cancel"],
)
def test_in_the_middle_of_the_write_that_puts_the_run_away(
    bench: Bench,
    scripted: Any,
    monkeypatch: pytest.MonkeyPatch,
    asks: dict[str, Any],
    act: Callable[[Bench], None],
    status: str,
    moment: str,
) -> None:
    """The run has recorded that it waits, beside a branch that works; its holder puts it away now."""
    acts: list[threading.Thread] = []
    put_away = postgres._rearm

    def and_act(cursor: Any, *arguments: Any) -> None:
        cursor.execute("SELECT 1").fetchall()  # what this transaction has asked for until now is done, its locks held
        if moment == "after":
            put_away(cursor, *arguments)
            cursor.fetchall()
        if not acts:
            acts.append(threading.Thread(target=_in_thread, args=(act, bench)))
            acts[0].start()
            _until_it_waits_for_a_lock_or_has_ended(acts[0])
        if moment == "before":
            put_away(cursor, *arguments)

    monkeypatch.setattr(postgres, "_rearm", and_act)
    bench.publish({**asks, "needs": []}, step("work", "write", needs=[]), step("after", needs=["ask", "work"]))
    bench.emit()

    bench.work()
    acts[0].join(timeout=30)
    bench.work()

    assert not acts[0].is_alive()
    assert bench.run().status == status


def _until_it_waits_for_a_lock_or_has_ended(thread: threading.Thread) -> None:
    watcher = connection.copy()
    with closing(watcher), watcher.cursor() as cursor:
        for _ in range(3_000):
            thread.join(timeout=0.01)
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if not thread.is_alive() or cursor.fetchone() != (0,):
                return
    raise AssertionError("neither blocked nor done")


def _in_thread(act: Callable[[Bench], None], bench: Bench) -> None:
    from django.db import connections

    try:
        act(bench)
    finally:
        connections.close_all()


def test_a_person_and_the_worker_at_the_same_moment_again_and_again(
    bench: Bench, scripted: Any, at_once: AtOnce
) -> None:
    """The worker holds the run for another branch's sake while the answer comes, at whatever moment."""
    bench.publish({**APPROVE, "needs": []}, step("work", "write", needs=["ask"]))
    for number in range(1, 6):
        bench.emit()
        bench.work()
        at_once(lambda: answer(bench), bench.work)
        bench.work()
        assert [run.status for run in bench.runs()] == ["succeeded"] * number
