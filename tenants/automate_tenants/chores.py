"""Chores: work about whole workspaces, beside the runs. Exports are made here, and deletions carried out.

One thread of each worker process, with a database connection of its own: an export may take minutes, and no run waits
for it. What it does can be taken over by any other process, so the thread dies with its process.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

from django.db import DatabaseError, connection

from automate_tenants import deletion
from automate_tenants.export import jobs

logger = logging.getLogger("automate.lifecycle")
EVERY_SECONDS = 2.0


def start(stop: threading.Event) -> threading.Thread:
    """Do chores until `stop` is set, in a thread that keeps no process alive."""
    thread = threading.Thread(target=_run, args=(stop,), name="chores", daemon=True)
    thread.start()
    return thread


def do() -> bool:
    """One round; whether there was anything to do."""
    now = datetime.now(UTC)
    made = jobs.make_next(now)
    return bool(deletion.go_on(now=now)) or made is not None


def _run(stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            found = do()
        except DatabaseError:
            logger.debug("Chores wait for the database.")
            connection.close()  # a new one is tried the next time
            found = False
        except Exception:
            logger.exception("A chore failed; it is tried again.")
            found = False
        if not found:
            stop.wait(EVERY_SECONDS)
    connection.close()
