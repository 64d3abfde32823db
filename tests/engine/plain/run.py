"""Run in a process of its own: the outbox contract over the plain project's store. Prints one JSON line a check.

usage: python -m tests.engine.plain.run   (DJANGO_SETTINGS_MODULE and PLAIN_DATABASE are set by the test)
"""

from __future__ import annotations

import json
import traceback
from contextlib import nullcontext
from datetime import timedelta

import django


def main() -> None:
    django.setup()
    from django.db import connection, transaction
    from django.utils import timezone

    from automate import host, models
    from automate.models import OutboxJob
    from tests.engine.automate.outbox.contract import World
    from tests.engine.automate.outbox.contract_waits import WHOLE

    def expire_leases() -> None:
        past = timezone.now() - timedelta(seconds=1)
        OutboxJob.objects.filter(status="CLAIMED").update(lease_expires_at=past)

    def empty_tables() -> None:
        tables = [getattr(models, name)._meta.db_table for name in models.__all__]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":  # TRUNCATE passes the triggers that keep versions immutable
                cursor.execute("TRUNCATE " + ", ".join(tables))
            else:
                with connection.constraint_checks_disabled(), transaction.atomic():
                    for table in tables:
                        cursor.execute(f"DELETE FROM {table}")  # names of our own models

    store = host.current().outbox()
    for name, check in WHOLE.items():
        empty_tables()
        problem = None
        try:
            check(World(store, nullcontext, lambda: None, expire_leases))
        except Exception:
            problem = traceback.format_exc()
        print(json.dumps({"check": name, "store": type(store).__name__, "problem": problem}), flush=True)


if __name__ == "__main__":
    main()
