"""Bring an installation's database up to date, in the order in which each part needs the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automate_tenants import roles, sql_files
from automate_tenants.context import public_scope
from automate_tenants.migrations_runner import migrate_tenants
from automate_tenants.template import render_template
from django.core.management import call_command
from django.db import connection


def migrate(*, say: Callable[[str], None]) -> dict[str, Any]:
    """Public tables, rights, SQL functions, the template, each tenant. What is up to date already costs one query each.

    Answers `{"version", "migrated", "failed"}`; a tenant that failed does not stop the others.
    """
    with public_scope():
        call_command("migrate_schemas", is_shared=True, interactive=False, verbosity=0)
        with connection.cursor() as cursor:
            roles.grant_public_tables(cursor)
        sql_files.install(connection)
        template = render_template()
        results = migrate_tenants()
    return results
