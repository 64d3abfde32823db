"""The template: every tenant table as one DDL script, rendered from the tenant apps' migrations.

The migrations are run once, in a scratch schema, while every statement is written down; so what the template says is
what the migrations did, on this server. A new workspace is made from the script in one round trip. Data migrations
leave no trace in a script: rows left in the scratch schema are an error, and the migration must insert them in SQL at
provisioning.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from automate_tenants.context import public_scope
from automate_tenants.models import TenantTemplate

SCRATCH_SCHEMA = "automate_template"  # no tenant's name: those start with t_
_LOCK_KEY = 0x6175746F_544D504C  # "auto" "TMPL": one rendering at a time


def tenant_app_labels() -> set[str]:
    """Labels of the apps whose tables every tenant has."""
    names = set(settings.TENANT_APPS)
    return {app.label for app in apps.get_app_configs() if app.name in names}


def leaf_targets(loader: MigrationLoader | None = None) -> list[tuple[str, str]]:
    """The last migration of each tenant app, as this code has them."""
    loader = loader or MigrationLoader(None, ignore_no_migrations=True)
    labels = tenant_app_labels()
    return sorted(key for key in loader.graph.leaf_nodes() if key[0] in labels)


def code_version(loader: MigrationLoader | None = None) -> str:
    """The version of the tenant tables that this code wants: a hash of its leaf migrations' names."""
    text = "\n".join(f"{app}.{name}" for app, name in leaf_targets(loader))
    return hashlib.sha256(text.encode()).hexdigest()


def is_current() -> bool:
    """Whether `automate migrate` of this code has run on this database. Raises what the database raises."""
    with public_scope():
        return TenantTemplate.objects.filter(version=_own_version()).exists()


@cache
def _own_version() -> str:
    return code_version()


def render_template() -> TenantTemplate:
    """The template of this code's version, rendered and stored if it is not there yet. Needs the owner role."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    version = code_version(loader)
    with public_scope():
        if stored := TenantTemplate.objects.filter(version=version).first():
            return stored
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])
        try:
            ddl, applied = _rehearse(leaf_targets(loader))
            template, _ = TenantTemplate.objects.update_or_create(
                version=version, defaults={"ddl": ddl, "migrations": applied, "rendered_at": timezone.now()}
            )
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_KEY])
        return template


def _rehearse(targets: list[tuple[str, str]]) -> tuple[str, list[list[str]]]:
    """Migrate the scratch schema from nothing to `targets`; the statements it took, and the migrations applied."""
    wrapper = cast(Any, connection)  # django-tenants' methods
    previous = wrapper.tenant
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {SCRATCH_SCHEMA} CASCADE")
        cursor.execute(f"CREATE SCHEMA {SCRATCH_SCHEMA}")
    statements: list[str] = []
    wrapper.set_schema(SCRATCH_SCHEMA)
    try:
        wrapper.SchemaEditorClass = _recorder(wrapper.SchemaEditorClass, statements)
        executor = MigrationExecutor(connection)
        _refuse_foreign(executor, targets)
        executor.migrate(targets)
        _refuse_rows()
        applied = [[app, name] for app, name in executor.recorder.applied_migrations()]
    finally:
        wrapper.__dict__.pop("SchemaEditorClass", None)
        wrapper.set_tenant(previous)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {SCRATCH_SCHEMA} CASCADE")
    return "\n".join(statements), applied


def _recorder(editor: type[Any], statements: list[str]) -> type[Any]:
    """The database's schema editor, which also writes down each statement, fit to run inside one transaction."""

    class RecordingEditor(editor):  # type: ignore[misc]
        def execute(self, sql: Any, params: Any = ()) -> None:
            text = str(sql)
            if params:
                text = self.connection.ops.compose_sql(text, params)
            text = re.sub(r"\bINDEX CONCURRENTLY\b", "INDEX", text)
            statements.append(text.rstrip().rstrip(";") + ";")
            super().execute(sql, params)

    return RecordingEditor


def _refuse_foreign(executor: MigrationExecutor, targets: list[tuple[str, str]]) -> None:
    labels = tenant_app_labels()
    if foreign := sorted({m.app_label for m, _ in executor.migration_plan(targets)} - labels):
        raise ImproperlyConfigured(f"Tenant migrations depend on public apps: {', '.join(foreign)}.")


def _refuse_rows() -> None:
    """A migration that inserts rows would leave new workspaces without them."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - {"django_migrations"}
        for table in sorted(tables):
            name = connection.ops.quote_name(table)
            cursor.execute(f"SELECT 1 FROM {SCRATCH_SCHEMA}.{name} LIMIT 1")  # noqa: S608  # names from the catalog
            if cursor.fetchone():
                raise ImproperlyConfigured(f"A migration inserted rows into {table}; the template cannot carry rows.")
