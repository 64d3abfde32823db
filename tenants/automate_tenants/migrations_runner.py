"""Migrations of tenants: each brought to this code's version by itself, in parallel, resumable, none holding up the
rest.

A deploy with nothing to apply is one query. Otherwise: the canary first, and if it fails nothing else is touched;
then N threads (of any number of processes) take tenants one by one. A claim is a session advisory lock, because a
migration may need several transactions; a runner that dies gives its claim up with its connection. Lock waits stop
after 4 s and are tried again, so a migration never queues every reader of a table behind itself. A tenant that fails
is paused in the dispatch, named in the report and in `TenantMigration`, and picked up again by the next run;
yesterday's code goes on serving it, as migrations only expand (a column is dropped a release later).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, cast

from django.db import OperationalError, connection, connections, transaction
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from psycopg import errors as pg

from automate_tenants import pauses
from automate_tenants.context import TenantRef, public_scope, tenant_scope
from automate_tenants.models import Tenant, TenantMigration, TenantTemplate
from automate_tenants.provisioning import ref
from automate_tenants.template import code_version, leaf_targets, render_template
from automate_tenants.tenant_executor import TenantExecutor, shared_loader

LOCK_TIMEOUT_SECONDS = 4
STATEMENT_TIMEOUT_SECONDS = 5  # of migrations in a transaction; an index built concurrently may take its time
TRIES = 3  # when a lock was not had in time
_CLAIM_NAMESPACE = 0x6D6967 << 40  # "mig", above any tenant's id


class NotTheTenantsSchema(RuntimeError):
    """The schema or its ledger is missing: migrating would write to public instead."""


@dataclass
class Report:
    """What one run did: slugs brought to `version`, and what went wrong with which slug."""

    version: str
    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    stopped_at_canary: bool = False

    @property
    def is_clean(self) -> bool:
        return not self.failed


def migrate_tenants(*, threads: int = 2, canary: str | None = None) -> Report:
    """Bring every tenant to this code's version; needs the owner role.

    `canary`: the slug to try first, else the oldest.
    """
    version = code_version()
    with public_scope():
        if not Tenant.objects.exclude(schema_version=version).exists():
            return Report(version)  # the one query of a deploy without migrations
        render_template()
        waiting = _behind(version)
        report = Report(version)
        if not waiting:
            return report
        first = next((tenant for tenant in waiting if tenant.slug == canary), waiting[0])
        _migrate_one(first, report, shared_loader(), wait=True)
        if report.failed:
            report.stopped_at_canary = True
            return report
        _migrate_all([tenant for tenant in waiting if tenant.pk != first.pk], report, threads)
        return report


def is_finished() -> bool:
    """Whether a run of this code's migrations has been here: each tenant is up to date, or failed and is paused."""
    version = code_version()
    with public_scope():
        if not TenantTemplate.objects.filter(version=version).exists():
            return False
        failed = TenantMigration.objects.filter(version=version, status=TenantMigration.Status.FAILED)
        gave_up = set(failed.values_list("tenant_id", flat=True))
        return all(tenant.pk in gave_up for tenant in _behind(version))


def _behind(version: str) -> list[Tenant]:
    """Tenants that lack a migration of ours. A tenant that newer code has taken further is not behind."""
    templates = {t.version: {tuple(m) for m in t.migrations} for t in TenantTemplate.objects.all()}
    ours = templates[version]
    complete = [v for v, theirs in templates.items() if theirs >= ours]
    return list(Tenant.objects.exclude(schema_version__in=complete).order_by("id"))


def _migrate_all(tenants: list[Tenant], report: Report, threads: int) -> None:
    queue: SimpleQueue[Tenant] = SimpleQueue()
    for tenant in tenants:
        queue.put(tenant)
    held_by_others: list[Tenant] = []
    crashes: list[BaseException] = []

    def work() -> None:
        try:
            loader = shared_loader()
            with public_scope():
                for tenant in _drain(queue):
                    if not _migrate_one(tenant, report, loader):
                        held_by_others.append(tenant)
        except BaseException as error:  # told to the caller below
            crashes.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work, name=f"migrate-{n}") for n in range(min(threads, len(tenants)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if crashes:
        raise crashes[0]
    for tenant in held_by_others:  # done by then, or its runner has died
        _migrate_one(tenant, report, shared_loader(), wait=True)


def _drain(queue: SimpleQueue[Tenant]) -> Iterator[Tenant]:
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return


def _migrate_one(tenant: Tenant, report: Report, loader: MigrationLoader, *, wait: bool = False) -> bool:
    """Migrate the tenant unless another runner holds it (False); with `wait`, once that one is through."""
    with _claim(tenant, wait=wait) as is_ours:
        if not is_ours:
            return False
        if Tenant.objects.filter(pk=tenant.pk, schema_version=report.version).exists():
            return True  # another runner was faster
        row, _ = TenantMigration.objects.update_or_create(
            tenant_id=tenant.pk,
            version=report.version,
            defaults={
                "status": TenantMigration.Status.RUNNING,
                "error": "",
                "started_at": timezone.now(),
                "ended_at": None,
            },
        )
        try:
            _apply(ref(tenant), loader)
        except Exception as error:
            if _lost_connection():
                raise
            message = f"{type(error).__name__}: {error}".strip()
            _record_failure(row, message)
            report.failed[tenant.slug] = message
        else:
            _record_success(row)
            report.done.append(tenant.slug)
        return True


@contextmanager
def _claim(tenant: Tenant, *, wait: bool) -> Iterator[bool]:
    """Whether this runner has the tenant to itself; the claim ends with the block, or with the connection."""
    key = _CLAIM_NAMESPACE + tenant.pk
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_lock(%s)", [key])
            is_ours = True
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
            is_ours = bool(cursor.fetchone()[0])
    try:
        yield is_ours
    finally:
        if is_ours and not _lost_connection():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def _apply(tenant: TenantRef, loader: MigrationLoader) -> None:
    """Apply what is missing, each migration in its own transaction; may be repeated after any failure."""
    with tenant_scope(tenant):
        _check_schema(tenant)
        for attempt in range(1, TRIES + 1):
            try:
                with _timeouts() as set_timeouts:
                    TenantExecutor(connection, loader, set_timeouts).migrate(leaf_targets(loader))
                    break
            except OperationalError as error:
                if not isinstance(error.__cause__, pg.LockNotAvailable) or attempt == TRIES:
                    raise
        with connection.cursor() as cursor:
            cursor.execute("SELECT public.automate_internal_grant_v1(%s)", [tenant.schema_name])


def _check_schema(tenant: TenantRef) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), to_regclass(%s)", [f"{tenant.schema_name}.django_migrations"])
        schema, ledger = cursor.fetchone()
    if schema != tenant.schema_name:
        raise NotTheTenantsSchema(f"Schema {tenant.schema_name} does not exist.")
    if ledger is None:
        raise NotTheTenantsSchema(f"Schema {tenant.schema_name} has no migration ledger of its own.")


@contextmanager
def _timeouts() -> Iterator[Any]:
    """Bound lock waits and, inside transactions, statements; the callback is the executor's, before each migration."""

    def set_timeout(setting: str, seconds: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, false)", [setting, f"{seconds}s"])

    def before_each(action: str, migration: Migration | None = None, fake: bool = False) -> None:
        if action == "apply_start" and migration is not None:
            set_timeout("statement_timeout", STATEMENT_TIMEOUT_SECONDS if migration.atomic else 0)

    set_timeout("lock_timeout", LOCK_TIMEOUT_SECONDS)
    try:
        yield before_each
    finally:
        if not _lost_connection():
            set_timeout("lock_timeout", 0)
            set_timeout("statement_timeout", 0)


def _lost_connection() -> bool:
    wrapper = cast(Any, connection)
    return wrapper.connection is None or bool(wrapper.connection.closed)


def _record_failure(row: TenantMigration, message: str) -> None:
    with transaction.atomic():
        row.status, row.error, row.ended_at = TenantMigration.Status.FAILED, message, timezone.now()
        row.save(update_fields=["status", "error", "ended_at"])
        pauses.pause_failed_migration(row.tenant_id, message)


def _record_success(row: TenantMigration) -> None:
    """Note the version and let a tenant that an earlier run paused go on, unless it is suspended."""
    with transaction.atomic():
        row.status, row.ended_at = TenantMigration.Status.DONE, timezone.now()
        row.save(update_fields=["status", "ended_at"])
        Tenant.objects.filter(pk=row.tenant_id).update(schema_version=row.version)
        TenantMigration.objects.filter(tenant_id=row.tenant_id).exclude(pk=row.pk).delete()  # of versions before
        pauses.end_failed_migration(row.tenant_id)
