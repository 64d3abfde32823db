"""A pytest plugin: the tests of runs, written for a workspace, about the plain project's database instead.

usage: python -m pytest --noconftest -p no:django -p tests.engine.plain.here tests/engine/automate/execution/…
(DJANGO_SETTINGS_MODULE and PLAIN_DATABASE are set by whoever starts it; `test_runs_here` does.)

There are no tenants there: what tests import of them is replaced by the one schema before they are collected.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import django
import pytest

django.setup()

from django.db import connection, transaction  # noqa: E402 - after the set-up
from django.utils import timezone  # noqa: E402

from automate import host, models  # noqa: E402
from automate.models import OutboxJob, RunWait, StepRun  # noqa: E402
from tests.engine import one_schema  # noqa: E402, F401 - before what imports tenants
from tests.engine.automate.execution.conftest import Bench, scripted  # noqa: E402 - sees the one schema

__all__ = ["scripted"]


class PlainBench(Bench):
    """The one schema under the hand of a test."""

    def make_due(self) -> None:
        past = timezone.now() - timedelta(seconds=1)
        OutboxJob.objects.filter(status="PENDING").update(available_at=past)
        StepRun.objects.filter(retry_at__isnull=False).update(retry_at=past)
        RunWait.objects.filter(expires_at__isnull=False).update(expires_at=past)

    def make_due_jobs(self) -> None:
        """Nobody keeps due times apart from the jobs."""

    def crash(self) -> None:
        past = timezone.now() - timedelta(seconds=1)
        OutboxJob.objects.filter(status="CLAIMED").update(lease_expires_at=past)
        host.current().outbox().tend()
        self.make_due()


def empty_tables() -> None:
    """TRUNCATE on PostgreSQL, which passes the triggers that keep versions immutable."""
    tables = [getattr(models, name)._meta.db_table for name in models.__all__]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("TRUNCATE " + ", ".join(tables))
        else:
            with connection.constraint_checks_disabled(), transaction.atomic():
                for table in tables:
                    cursor.execute(f"DELETE FROM {table}")  # names of our own models


@pytest.fixture
def bench() -> Iterator[Bench]:
    empty_tables()
    yield PlainBench(None)
    connection.close()
