"""Folding loses nothing and adds nothing, whoever else folds and whoever dies."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from automate_billing.fold import fold
from automate_billing.models import UsageDay, UsageDelta
from automate_tenants.context import public_scope
from tests.billing.conftest import used
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 4, 2, 12, tzinfo=UTC)


def deltas(workspace: Workspace, count: int, *, amount: int = 1) -> None:
    row = {"schema_name": workspace.ref.schema_name, "at": AT, "meter": "runs", "subject": "w", "amount": amount}
    with public_scope():
        UsageDelta.objects.bulk_create(UsageDelta(**row) for _ in range(count))


def test_nothing_is_folded_twice(tenant_a: Workspace) -> None:
    deltas(tenant_a, 5)

    assert fold() == {tenant_a.ref.id}
    assert fold() == set()
    assert used(tenant_a.ref)["runs"] == 5


def test_many_are_folded_a_part_at_a_time(tenant_a: Workspace, tenant_b: Workspace) -> None:
    deltas(tenant_a, 7, amount=2)
    deltas(tenant_b, 4)
    for _ in range(4):
        fold(limit=3)

    assert (used(tenant_a.ref)["runs"], used(tenant_b.ref)["runs"]) == (14, 4)


def test_folders_at_once_count_each_unit_once(tenant_a: Workspace) -> None:
    from django.db import connection

    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            fold(limit=20)
        connection.close()

    folders = [threading.Thread(target=go_on) for _ in range(3)]
    for folder in folders:
        folder.start()
    for _ in range(20):
        deltas(tenant_a, 10)
    stop.set()
    for folder in folders:
        folder.join()

    assert used(tenant_a.ref)["runs"] == 200


def test_a_folder_that_dies_before_its_commit_has_done_nothing(
    tenant_a: Workspace, database_urls: Any, eventually: Any
) -> None:
    """What it deleted and added lies in one transaction: here its server process is ended in the middle."""
    from django.db import connection, transaction

    deltas(tenant_a, 3)
    with pytest.raises(Exception, match=r"terminating|closed"), public_scope(), transaction.atomic():
        fold()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [pid] = cursor.fetchone()
        with psycopg.connect(database_urls.superuser, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 30000)", [pid])
        UsageDay.objects.count()
    connection.close()

    assert used(tenant_a.ref)["runs"] == 3


def test_a_delta_of_a_transaction_that_commits_late_is_taken_by_a_later_fold(
    tenant_a: Workspace, database_urls: Any
) -> None:
    statement = (
        "INSERT INTO automate_billing_usagedelta (schema_name, at, meter, subject, amount)"
        " VALUES (%s, now(), 'runs', '', 1)"
    )
    with psycopg.connect(database_urls.app) as late:
        late.execute(statement, [tenant_a.ref.schema_name])
        deltas(tenant_a, 1)
        fold()
        late.commit()

    assert used(tenant_a.ref)["runs"] == 2


def test_what_a_workspace_that_is_gone_used_is_forgotten(tenant_a: Workspace) -> None:
    with public_scope():
        UsageDelta.objects.create(schema_name="t_gone", at=AT, meter="runs", subject="", amount=1)

        assert fold() == set()
        assert not UsageDelta.objects.exists()
