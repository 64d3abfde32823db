"""What the application's role may not do, tried on a real server as that role."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from automate_tenants import roles, sql_files
from tests.support import server
from tests.support.workspaces import Workspace


@pytest.fixture
def app(database_urls: server.DatabaseUrls) -> Any:
    with psycopg.connect(database_urls.app, autocommit=True) as as_app:
        yield as_app


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE public.x (y int)",
        "CREATE TABLE {schema}.x (y int)",
        "CREATE SCHEMA x",
        "CREATE TEMPORARY TABLE x (y int)",
        "DROP TABLE {schema}.automate_event",
        "TRUNCATE {schema}.automate_event",
        "ALTER TABLE {schema}.automate_event ADD COLUMN x int",
        "DROP SCHEMA {schema} CASCADE",
        "UPDATE {schema}.automate_auditlogentry SET actor = 'x'",
        "DELETE FROM {schema}.automate_auditlogentry",
        "ALTER TABLE {schema}.automate_auditlogentry DISABLE TRIGGER ALL",
        "UPDATE {schema}.automate_workflowversion SET note = 'x'",
        "DELETE FROM {schema}.automate_workflowversion",
        "INSERT INTO {schema}.django_migrations (app, name, applied) VALUES ('a', 'b', now())",
        "DELETE FROM public.django_migrations",
        "UPDATE public.automate_tenants_tenanttemplate SET ddl = 'DROP SCHEMA public CASCADE'",
        "INSERT INTO public.automate_tenants_tenanttemplate VALUES ('x', 'y', '[]', now())",
        "DELETE FROM public.automate_tenants_tenantmigration",
        "SELECT public.automate_internal_grant_v1('{schema}')",
        "SET ROLE automate_owner",
    ],
)
def test_the_application_may_not(app: psycopg.Connection[Any], tenant_a: Workspace, sql: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(sql.format(schema=tenant_a.ref.schema_name))


def test_nobody_changes_an_audit_entry_not_even_the_owner(
    owner_connection: psycopg.Connection[Any], tenant_a: Workspace
) -> None:
    table = f"{tenant_a.ref.schema_name}.automate_auditlogentry"
    assert owner_connection.execute(f"SELECT count(*) FROM {table}").fetchone() != (0,)
    for sql in (f"UPDATE {table} SET actor = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(psycopg.errors.IntegrityError):
            owner_connection.execute(sql)


def test_strangers_may_not_even_enter(superuser_connection: psycopg.Connection[Any], tenant_a: Workspace) -> None:
    [row] = superuser_connection.execute(
        """SELECT has_schema_privilege('pg_monitor', %s, 'USAGE'), has_schema_privilege('pg_monitor', 'public',
        'USAGE'), has_database_privilege('pg_monitor', current_database(), 'CONNECT')""",
        [tenant_a.ref.schema_name],
    ).fetchall()
    assert row == (False, False, False)


def test_every_function_is_pinned_and_only_for_the_application(owner_connection: psycopg.Connection[Any]) -> None:
    rows = owner_connection.execute(
        r"""SELECT p.proname, p.prosecdef, array_to_string(p.proconfig, ','), p.proowner::regrole::text,
                   has_function_privilege('automate_app', p.oid, 'EXECUTE'),
                   has_function_privilege('pg_monitor', p.oid, 'EXECUTE')
              FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname ~ '^automate_.*_v[0-9]+$'"""
    ).fetchall()
    names = {row[0] for row in rows}
    assert {f"automate_{file.stem}" for file in sql_files.files()} == names
    for name, is_definer, settings, owner, for_app, for_others in rows:
        assert is_definer, name
        assert "search_path=pg_catalog, pg_temp" in settings, name
        assert owner == "automate_owner", name
        assert for_app == (not name.startswith("automate_internal_")), name
        assert not for_others, name


@pytest.mark.usefixtures("as_owner")
def test_a_function_without_its_walls_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "loose_v1.sql").write_text(
        "CREATE FUNCTION public.automate_loose_v1() RETURNS int LANGUAGE sql AS 'SELECT 1';"
    )
    monkeypatch.setattr(sql_files, "folders", lambda: [tmp_path])
    with pytest.raises(ImproperlyConfigured, match="automate_loose_v1"):
        sql_files.install(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regproc('public.automate_loose_v1') IS NULL")
        assert cursor.fetchone() == (True,)


@pytest.mark.usefixtures("as_owner")
def test_installing_again_changes_nothing() -> None:
    assert sql_files.install(connection) == sql_files.install(connection)


@pytest.mark.django_db
def test_the_application_role_keeps_every_promise(tenant_a: Workspace) -> None:
    with connection.cursor() as cursor:
        assert roles.missing_promises(cursor) == []


@pytest.mark.usefixtures("as_owner")
def test_one_role_for_everything_is_told_what_it_lacks(tenant_a: Workspace) -> None:
    with connection.cursor() as cursor:
        told = "\n".join(roles.missing_promises(cursor))
    assert "may run DDL" in told
    assert "automate_tenants_tenanttemplate" in told
    assert "audit entries" in told


def test_roles_may_be_made_at_every_start_by_several_at_once(
    superuser_connection: psycopg.Connection[Any], database_urls: server.DatabaseUrls, at_once: Any
) -> None:
    passwords = {role: server.HOME.secret(f"role-{role}") for role in (roles.OWNER, roles.APP)}

    def start() -> None:
        with psycopg.connect(database_urls.superuser, autocommit=True) as superuser:
            roles.create_roles(superuser, owner_password=passwords[roles.OWNER], app_password=passwords[roles.APP])
            roles.prepare_database(superuser)

    at_once(start, start, start)
    [(stored,)] = superuser_connection.execute(
        "SELECT rolpassword FROM pg_authid WHERE rolname = 'automate_app'"
    ).fetchall()
    assert stored.startswith("SCRAM-SHA-256$")
    psycopg.connect(database_urls.app).close()
