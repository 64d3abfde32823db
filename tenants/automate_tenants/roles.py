"""Database roles: `automate_owner` runs DDL and owns every table, `automate_app` reads and writes rows and nothing
more.

With both, the application cannot alter tables, change an audit entry, forge the DDL template or the migration ledger;
schemas are made only by the SECURITY DEFINER functions in `sql/`. On one role for everything (a plain `DATABASE_URL`)
all works, but those walls are missing: `missing_promises` names them for `automate doctor`.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

OWNER = "automate_owner"
APP = "automate_app"
IDLE_IN_TRANSACTION_SECONDS = 10  # a frozen process lets go of its row locks well before its lease of 30 s ends

# Only the owner writes these: the app role could otherwise run DDL of its own, or fake a migration.
OWNER_ONLY_TABLES = ("django_migrations", "automate_tenants_tenanttemplate", "automate_tenants_tenantmigration")


def create_roles(connection: psycopg.Connection[Any], *, owner_password: str, app_password: str) -> None:
    """Make both roles or set their passwords, as a superuser (or CREATEROLE); may be called at every start.

    The passwords leave this process only as SCRAM verifiers, so no server log holds them.
    """
    for role, password in ((OWNER, owner_password), (APP, app_password)):
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        verb = sql.SQL("ALTER" if exists else "CREATE")
        _run_shared(
            connection,
            sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, sql.Identifier(role), sql.Literal(verifier)),
        )
    _run_shared(
        connection,
        sql.SQL("ALTER ROLE {} SET idle_in_transaction_session_timeout = {}").format(
            sql.Identifier(APP), sql.Literal(f"{IDLE_IN_TRANSACTION_SECONDS}s")
        ),
    )


def create_database(connection: psycopg.Connection[Any], name: str) -> bool:
    """Make the database, owned by the owner role; the connection is a superuser's, in autocommit.

    False: it was there.
    """
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return False
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
            sql.Identifier(name), sql.Identifier(OWNER)
        )
    )
    return True


def prepare_database(connection: psycopg.Connection[Any]) -> None:
    """Give both roles their rights in the database of `connection` (a superuser's or its owner's); may be repeated."""
    database = sql.Identifier(connection.info.dbname)
    owner, app = sql.Identifier(OWNER), sql.Identifier(APP)
    statements = [
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database),
        sql.SQL("GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {} TO {}").format(database, owner),
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, app),
        sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC").format(),
        sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(owner),
        sql.SQL("REVOKE CREATE ON SCHEMA public FROM {}").format(app),
        sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(app),
    ]
    for kind, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT")):
        statements.append(
            sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT {} ON {} TO {}").format(
                owner, sql.SQL(rights), sql.SQL(kind), app
            )
        )
    statements.append(
        sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC").format(owner)
    )
    for statement in statements:
        _run_shared(connection, statement)


def grant_public_tables(cursor: Any) -> None:
    """Rights of the app role on the public tables; run by the owner after every migration of public."""
    if not exists(cursor, APP):
        return
    cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP}")
    cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP}")
    for table in OWNER_ONLY_TABLES:
        cursor.execute("SELECT to_regclass(%s)", [f"public.{table}"])
        if cursor.fetchone()[0]:
            cursor.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON public.{table} FROM {APP}")


def exists(cursor: Any, role: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    return cursor.fetchone() is not None


def missing_promises(cursor: Any) -> list[str]:
    """What does not hold for the role that this connection uses, in words; an empty list on `automate_app`."""
    cursor.execute(
        """SELECT current_user, r.rolsuper, has_schema_privilege('public', 'CREATE'),
                  has_database_privilege(current_database(), 'CREATE')
             FROM pg_roles r WHERE r.rolname = current_user"""
    )
    user, is_superuser, may_create_tables, may_create_schemas = cursor.fetchone()
    problems = []
    if problem := pooler_problem(cursor):
        problems.append(problem)
    if is_superuser:
        problems.append(f"{user} is a superuser: no right of any table binds it.")
    if may_create_tables or may_create_schemas:
        problems.append(f"{user} may run DDL: a flaw in the application could alter or drop tables.")
    for table in OWNER_ONLY_TABLES:
        cursor.execute("SELECT to_regclass(%s)::oid", [f"public.{table}"])
        if cursor.fetchone()[0] is None:
            continue
        cursor.execute("SELECT has_table_privilege(%s, 'INSERT, UPDATE, DELETE')", [f"public.{table}"])
        if cursor.fetchone()[0]:
            problems.append(f"{user} may write {table}, which only the owner should.")
    cursor.execute(
        """SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relname = 'automate_auditlogentry' AND c.relkind = 'r'
              AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')"""
    )
    if count := cursor.fetchone()[0]:
        problems.append(f"{user} may change audit entries in {count} schemas; only a trigger stops it.")
    return problems


def pooler_problem(cursor: Any) -> str:
    """What is wrong with the pooler in between; "" on a direct connection.

    A pooler makes up the process id that it tells its clients, so it differs from the server's own answer. Behind one
    in transaction mode, `SET search_path` and the next query may land on different servers: another tenant's rows.
    """
    cursor.execute("SELECT pg_backend_pid()")
    if cursor.fetchone()[0] == cursor.connection.info.backend_pid:
        return ""
    return (
        "A connection pooler stands before PostgreSQL. Use session mode, or PgBouncer 1.20 or newer with search_path "
        "in track_extra_parameters on PostgreSQL 18; in plain transaction mode a query may run in another "
        "workspace's schema."
    )


def _run_shared(connection: psycopg.Connection[Any], statement: sql.Composed, tries: int = 10) -> None:
    """Run one statement on cluster-wide or shared catalog rows; two starts at once may collide on them.

    The connection is in autocommit; a collision is "tuple concurrently updated" (XX000) or a unique violation.
    """
    for attempt in range(1, tries + 1):
        try:
            connection.execute(statement)
            return
        except (psycopg.errors.InternalError_, psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject) as error:
            if isinstance(error, psycopg.errors.DuplicateObject) or attempt < tries:
                if isinstance(error, psycopg.errors.DuplicateObject):
                    return  # another start has just made the role, with the passwords of the same home
                continue
            raise
