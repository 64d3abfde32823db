"""`WORKER_MODE` "synchronous", for development: the process that emits an event works on it at once, after its commit.

What waits for later (a retry, a timer) is worked on with the next event, or by `automate_worker`.
"""

from __future__ import annotations

import asyncio
import threading

_working = threading.Lock()


def work_now() -> None:
    """Work until nothing is due. Called again from inside (a step that emits an event) it leaves that to the first."""
    if not _working.acquire(blocking=False):
        return
    try:
        thread = threading.Thread(target=_work, name="automate-inline")  # the caller may have an event loop running
        thread.start()
        thread.join()
    finally:
        _working.release()


def _work() -> None:
    from automate import host
    from automate.worker.loop import Worker, configured_options

    worker = Worker(host.current().outbox(), configured_options())
    try:
        asyncio.run(worker.run_until_idle())
    finally:
        worker.close()
