"""What the fleet's workers are called for. Each looks for itself what there is to do."""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from django.db import DatabaseError

from automate import host
from automate.worker import eventloop
from automate.worker.loop import Worker, configured_options
from automate_tenants import chores

SLICE_SECONDS = 30.0  # then others have their turn at this process
DRAIN, CHORES = "automate.drain", "automate.chores"

logger = logging.getLogger("automate.worker")
_working: set[Worker] = set()
_guard = threading.Lock()
_is_stopping = threading.Event()


@shared_task(name=DRAIN, ignore_result=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def drain() -> None:
    """Work on whatever is due, of any workspace, until nothing has been for a second or SLICE_SECONDS are over."""
    worker = Worker(host.current().outbox(), configured_options())
    with _guard:
        if _is_stopping.is_set():
            worker.close()
            return
        _working.add(worker)
    try:
        eventloop.run(worker.run_slice(SLICE_SECONDS))
    except DatabaseError as error:
        logger.warning("The database does not answer; the ringer calls again.", extra={"error": str(error)})
    finally:
        with _guard:
            _working.discard(worker)


@shared_task(name=CHORES, ignore_result=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def do_chores() -> None:
    """Exports and deletions that wait."""
    try:
        while not _is_stopping.is_set() and chores.do():
            pass
    except DatabaseError:
        logger.debug("Chores wait for the database.")  # Celery closes its connection after each task


@worker_shutting_down.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def stop_slices(**_said: Any) -> None:
    """Slices claim nothing more and give back what is not begun; they are done in 30 s at most."""
    _is_stopping.set()
    with _guard:
        for worker in _working:
            worker.stop_soon()
