"""Tenants brought to a new version: each by itself, in parallel, resumable; a failing one holds nobody up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from automate_tenants import installation, migrations_runner, onboarding
from automate_tenants.context import TenantRef
from automate_tenants.migrations_runner import is_finished, migrate_tenants
from automate_tenants.models import DispatchTenant, Tenant, TenantMigration, TenantTemplate
from automate_tenants.pauses import FOREVER
from automate_tenants.template import code_version
from tests.support import server

pytestmark = pytest.mark.usefixtures("as_owner")
ADD_NOTE = "operations = [migrations.RunSQL('ALTER TABLE automate_event ADD COLUMN note text')]"
NewTenant = Callable[[str], TenantRef]
Tomorrow = Callable[[str], str]


@pytest.fixture
def five(new_tenant: NewTenant) -> list[TenantRef]:
    return [new_tenant(f"tenant-{n}") for n in range(1, 6)]


def has_note(tenant: TenantRef) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'note')""",
            [f"{tenant.schema_name}.automate_event"],
        )
        return bool(cursor.fetchone()[0])


def break_tenant(tenant: TenantRef) -> None:
    """The migration of tomorrow will find its column there already."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {tenant.schema_name}.automate_event ADD COLUMN note text")


def mend_tenant(tenant: TenantRef) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {tenant.schema_name}.automate_event DROP COLUMN note")


def test_nothing_to_apply_is_one_query(five: list[TenantRef], statements: list[str]) -> None:
    assert migrate_tenants().done == []
    [query] = [sql for sql in statements if not sql.startswith("SET search_path")]
    assert "automate_tenants_tenant" in query


def test_every_tenant_is_brought_along(five: list[TenantRef], tomorrow: Tomorrow, new_tenant: NewTenant) -> None:
    tomorrow(ADD_NOTE)
    report = migrate_tenants(threads=3)

    assert set(report.done) == set(Tenant.objects.values_list("slug", flat=True))
    assert report.is_clean
    assert all(has_note(tenant) for tenant in five)
    assert set(Tenant.objects.values_list("schema_version", flat=True)) == {code_version()}
    assert not TenantMigration.objects.exclude(status="done").exists()
    assert has_note(new_tenant("made-after"))  # the template was rendered anew
    assert migrate_tenants().done == []


def test_a_failing_tenant_is_paused_and_named_and_the_rest_go_on(five: list[TenantRef], tomorrow: Tomorrow) -> None:
    broken, *rest = five[2], *five[:2], *five[3:]
    break_tenant(broken)
    assert is_finished()
    tomorrow(ADD_NOTE)
    assert not is_finished()

    report = migrate_tenants()

    assert is_finished()  # new processes need not wait for the one that is paused
    assert list(report.failed) == ["tenant-3"]
    assert "already exists" in report.failed["tenant-3"]
    assert all(has_note(tenant) for tenant in rest)
    row = TenantMigration.objects.get(tenant_id=broken.id)
    assert (row.status, "already exists" in row.error) == ("failed", True)
    dispatch = DispatchTenant.objects.get(tenant_id=broken.id)
    assert dispatch.paused_until == FOREVER
    assert dispatch.latest_error.startswith("migration failed: ")
    assert not DispatchTenant.objects.exclude(tenant_id=broken.id).exclude(paused_until=None).exists()


def test_a_mended_tenant_is_picked_up_by_the_next_run_alone(five: list[TenantRef], tomorrow: Tomorrow) -> None:
    broken = five[2]
    break_tenant(broken)
    tomorrow(ADD_NOTE)
    migrate_tenants()
    mend_tenant(broken)

    report = migrate_tenants()

    assert report.done == ["tenant-3"]
    dispatch = DispatchTenant.objects.get(tenant_id=broken.id)
    assert (dispatch.paused_until, dispatch.latest_error, dispatch.ready) == (None, "", True)
    assert TenantMigration.objects.get(tenant_id=broken.id).status == "done"


def test_a_suspended_tenant_is_migrated_and_stays_suspended(five: list[TenantRef], tomorrow: Tomorrow) -> None:
    onboarding.suspend(tenant_id=five[0].id, actor="system", reason="test", now=timezone.now())
    break_tenant(five[0])
    tomorrow(ADD_NOTE)
    migrate_tenants(canary="tenant-2")
    mend_tenant(five[0])
    migrate_tenants()

    assert has_note(five[0])
    dispatch = DispatchTenant.objects.get(tenant_id=five[0].id)
    assert (dispatch.paused_until, dispatch.latest_error) == (FOREVER, "suspended")
    onboarding.resume(tenant_id=five[0].id, actor="system", now=timezone.now())
    dispatch.refresh_from_db()
    assert dispatch.paused_until is None


def test_a_failing_canary_stops_everything(five: list[TenantRef], tomorrow: Tomorrow) -> None:
    break_tenant(five[4])
    tomorrow(ADD_NOTE)

    report = migrate_tenants(canary="tenant-5")

    assert report.stopped_at_canary
    assert not is_finished()
    assert (list(report.failed), report.done) == (["tenant-5"], [])
    assert not any(has_note(tenant) for tenant in five[:4])


def test_a_tenant_without_a_schema_fails_and_public_gets_no_table(five: list[TenantRef], tomorrow: Tomorrow) -> None:
    """PostgreSQL skips a schema that is missing: DDL would land in public."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {five[1].schema_name} CASCADE")
    tomorrow(ADD_NOTE)

    report = migrate_tenants()

    assert "does not exist" in report.failed["tenant-2"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'automate\\_e%'"
        )
        assert cursor.fetchone() == (0,)


def test_a_tenant_without_its_own_ledger_fails_instead_of_reading_publics(
    five: list[TenantRef], tomorrow: Tomorrow
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {five[1].schema_name}.django_migrations")
    tomorrow(ADD_NOTE)

    assert "no migration ledger" in migrate_tenants().failed["tenant-2"]


def test_a_lock_that_is_not_had_in_time_is_tried_again_and_then_reported(
    five: list[TenantRef],
    tomorrow: Tomorrow,
    owner_connection: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(migrations_runner, "LOCK_TIMEOUT_SECONDS", 0.1)
    tomorrow(ADD_NOTE)
    with owner_connection.transaction():
        owner_connection.execute(f"LOCK TABLE {five[3].schema_name}.automate_event IN ACCESS SHARE MODE")
        report = migrate_tenants()
        assert list(report.failed) == ["tenant-4"]
        assert "lock timeout" in report.failed["tenant-4"]
        assert len(report.done) >= 4

    assert migrate_tenants().done == ["tenant-4"]


def test_two_runners_share_the_work(
    five: list[TenantRef], tomorrow: Tomorrow, at_once: Callable[..., list[Any]]
) -> None:
    tomorrow(ADD_NOTE)
    reports = at_once(migrate_tenants, migrate_tenants)

    done = [slug for report in reports for slug in report.done]
    assert sorted(done) == sorted(Tenant.objects.values_list("slug", flat=True))  # each once
    assert all(report.is_clean for report in reports)


def test_a_tenant_that_newer_code_has_taken_further_is_left_alone(
    five: list[TenantRef], tomorrow: Tomorrow, settings: Any
) -> None:
    tomorrow(ADD_NOTE)
    migrate_tenants()
    newer = code_version()
    settings.MIGRATION_MODULES = {}  # the release before

    assert migrate_tenants().done == []
    assert set(Tenant.objects.values_list("schema_version", flat=True)) == {newer}


def test_a_non_atomic_migration_is_applied(five: list[TenantRef], tomorrow: Tomorrow) -> None:
    tomorrow(
        "atomic = False\n"
        "    operations = [__import__('django.contrib.postgres.operations', fromlist=['x']).AddIndexConcurrently("
        "'event', models.Index(fields=['source'], name='event_source_idx'))]"
    )
    assert migrate_tenants().is_clean
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname = 'event_source_idx'")
        assert cursor.fetchone() == (Tenant.objects.count(),)


def test_new_tables_get_the_applications_rights(five: list[TenantRef], tomorrow: Tomorrow, database_urls: Any) -> None:
    tomorrow("operations = [migrations.RunSQL('CREATE TABLE automate_novelty (id int)')]")
    migrate_tenants()
    with psycopg.connect(database_urls.app, autocommit=True) as app:
        app.execute(f"INSERT INTO {five[0].schema_name}.automate_novelty VALUES (1)")


@pytest.mark.processes
def test_a_runner_killed_half_way_is_resumed(
    five: list[TenantRef],
    tomorrow: Tomorrow,
    tmp_path: Path,
    owner_connection: psycopg.Connection[Any],
    eventually: Any,
    database_urls: Any,
) -> None:
    package = tomorrow(ADD_NOTE)
    with owner_connection.transaction():
        owner_connection.execute(f"LOCK TABLE {five[2].schema_name}.automate_event IN ACCESS SHARE MODE")
        runner = start_runner(tmp_path, package, database_urls)
        try:
            eventually(lambda: waits_for_a_lock(database_urls.superuser), seconds=30)
        finally:
            os.kill(runner.pid, signal.SIGKILL)
            runner.wait(30)
    assert TenantMigration.objects.get(tenant_id=five[2].id).status == "running"

    report = migrate_tenants()

    assert report.is_clean
    assert "tenant-3" in report.done
    assert all(has_note(tenant) for tenant in five)


def start_runner(folder: Path, package: str, urls: server.DatabaseUrls) -> subprocess.Popen[bytes]:
    (folder / "settings_of_tomorrow.py").write_text(
        f"from automate_platform.settings import *\nMIGRATION_MODULES = {{'automate': '{package}'}}\n"
    )
    code = (
        "import django; django.setup()\n"
        "from automate_tenants.migrations_runner import migrate_tenants\n"
        "migrate_tenants(threads=1)"
    )
    paths = [str(folder), *(str(server.ROOT / root) for root in ("engine", "platform", "tenants", "web"))]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "DJANGO_SETTINGS_MODULE": "settings_of_tomorrow",
        "DJANGO_AUTOMATE_OWNER_DATABASE_URL": urls.owner,
        "DJANGO_AUTOMATE_AS_OWNER": "1",
    }
    return subprocess.Popen([sys.executable, "-c", code], env=environment)


def waits_for_a_lock(superuser_url: str) -> bool:
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        [(count,)] = connection.execute(
            """SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE%'"""
        ).fetchall()
    return bool(count)


def test_the_whole_installation_is_migrated_twice_without_a_change(five: list[TenantRef]) -> None:
    lines: list[str] = []
    assert installation.migrate(tell=lines.append).is_clean
    assert lines == []
    assert TenantTemplate.objects.count() == 1


def test_a_squash_of_what_is_applied_applies_nothing_and_is_noted(five: list[TenantRef], tomorrow: Tomorrow) -> None:
    import automate.migrations as today

    names = sorted(file.stem for file in Path(today.__file__).parent.glob("[0-9]*.py"))
    replaces = [("automate", name) for name in names]
    all_of_them = f"[one for name in {names} for one in load('automate.migrations.' + name).Migration.operations]"
    operations = f"operations = (lambda load: {all_of_them})(__import__('importlib').import_module)"
    tomorrow(f"replaces = {replaces}\n    dependencies = []\n    atomic = False\n    {operations}")

    report = migrate_tenants()

    assert report.is_clean
    assert "tenant-5" in report.done
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {five[4].schema_name}.django_migrations WHERE name = '9000_tomorrow'")
        assert cursor.fetchone() == (1,)
