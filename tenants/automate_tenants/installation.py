"""Bringing a whole installation to this code: public tables, functions, rights, template, then every tenant.

One call, run as the owner role (`automate migrate`), safe to repeat and to run from two machines at once.
"""

from __future__ import annotations

from collections.abc import Callable

from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from automate.policy.installation import installation_rules, plan_rules
from automate_tenants import policy_copies, roles, sql_files
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.migrations_runner import Report, migrate_tenants
from automate_tenants.models import Tenant, WebhookLimit
from automate_tenants.provisioning import ref
from automate_tenants.template import render_template

_LOCK_KEY = 0x6175746F_4D494752  # "auto" "MIGR"


def _copy_policies(*, except_for: set[str]) -> None:
    """Ceiling and plan stand in the settings, which may have changed; most installations set none of it there."""
    with public_scope():
        rules = installation_rules(), plan_rules()
        is_set = any(rule.webhook_rate or rule.endpoint_rates or rule.mask_emails for rule in rules)
        is_set = is_set or Tenant.objects.filter(masks_emails=True).exists()
        if not is_set and not WebhookLimit.objects.exclude(layer="tenant").exists():
            return
        refs = [ref(tenant) for tenant in Tenant.objects.exclude(slug__in=except_for)]
    for tenant in refs:
        with tenant_scope(tenant), transaction.atomic():
            policy_copies.apply()


def migrate(*, threads: int = 2, canary: str | None = None, tell: Callable[[str], None] = lambda line: None) -> Report:
    """Migrate everything; `tell` gets a plain line per step. The report names tenants that failed."""
    with public_scope():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])
        try:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                tell("Migrating the public tables")
                call_command("migrate_schemas", shared=True, verbosity=0, interactive=False)
            sql_files.install(connection)
            with connection.cursor() as cursor:
                roles.grant_public_tables(cursor)
            render_template()
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_KEY])
    report = migrate_tenants(threads=threads, canary=canary)
    _copy_policies(except_for=set(report.failed))
    if report.done:
        tell(f"Migrated {len(report.done)} workspaces")
    for slug, problem in report.failed.items():
        tell(f"Workspace {slug} failed and is paused: {problem}")
    return report
