"""When a job is due: by the clock that judges claims, whatever the caller's clock says.

That is the database's on PostgreSQL, this machine's elsewhere (`automate.outbox.orm`). A caller whose clock is ahead,
on another machine or in a test, must not put off what has something to do now.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone


def due_now() -> Any:
    """A value for `OutboxJob.available_at`, to be stored: at once."""
    return Now() if connection.vendor == "postgresql" else timezone.now()


def present() -> datetime:
    """What that clock says."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cast("datetime", cursor.fetchone()[0])
