"""`/status/`: whether the installation does its work, for whoever asks: API, workers, how long work waits.

Open to everybody, so it names no workspace and is looked up at most every ten seconds by each process.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from automate import host
from automate_tenants.context import public_scope
from automate_tenants.middleware import without_membership
from automate_tenants.models import InstallationHalt

LATE_SECONDS = 30  # work that waits longer is late
_EVERY_SECONDS = 10.0
_LISTENING = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND query = 'LISTEN automate_wake'
"""


@dataclass(frozen=True)
class Status:
    """`workers`: processes that listen for work; `lag_seconds`: how long the oldest job that is due has waited."""

    database: bool
    workers: int = 0
    due: int = 0
    lag_seconds: float = 0.0
    is_halted: bool = False

    @property
    def word(self) -> str:
        """
        >>> [Status(False).word, Status(True, 1).word, Status(True, 1, 9, 120.0).word, Status(True, 0).word]
        ['down', 'ok', 'late', 'late']
        """
        if not self.database:
            return "down"
        return "late" if not self.workers or self.lag_seconds > LATE_SECONDS or self.is_halted else "ok"


class _Latest:
    """What was found last, by this process; of the installation, not of a workspace."""

    lock = threading.Lock()
    at = float("-inf")
    status = Status(False)


@require_GET
@without_membership
def page(request: HttpRequest) -> HttpResponse:
    """GET /status/: 200 with the state in words, 503 while the database is away."""
    with _Latest.lock:
        if time.monotonic() - _Latest.at >= _EVERY_SECONDS:
            _Latest.status, _Latest.at = look(), time.monotonic()
        found = _Latest.status
    response = render(request, "status.html", {"found": found}, status=200 if found.database else 503)
    response.headers["Cache-Control"] = "no-store"
    return response


def look() -> Status:
    """Asked now."""
    try:
        with public_scope():
            with connection.cursor() as cursor:
                cursor.execute(_LISTENING)
                [workers] = cursor.fetchone()
            standing = host.current().outbox().standing()
            return Status(True, workers, standing.due, standing.lag_seconds, InstallationHalt.objects.exists())
    except DatabaseError:
        return Status(False)
