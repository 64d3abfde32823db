"""Deleting a workspace: an owner asks, a week of grace in which it stands still, then everything goes.

Asking stops the workspace as a suspension does: senders are refused, runs wait, keys open nothing, members see a page
that says so. Until `delete_at` an owner may undo it and all goes on. Afterwards any worker carries it out:

1. `DeletedWorkspace` notes that it has begun. From here on nothing leads back.
2. The data key is destroyed; a signed certificate takes its place. Sealed data is unreadable now, in backups too.
3. One transaction drops the schema and deletes every public row of the workspace, its own row among them.
4. Sessions that were opened in it, and the head of its audit chain beside the keys, go.

Each step may be repeated, so whoever finds an unfinished one goes on with it, after whatever crash. What stays:
this module's `DeletedWorkspace`, the certificate, the people's accounts, and what billing must keep
(`automate_billing.keeping`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.mail import send_mail
from django.db import DatabaseError, connection, models, transaction

from automate.models import ExecutionRun, Schedule, WebhookEndpoint, Workflow
from automate_governance.errors import Conflict, Invalid
from automate_tenants import audit, audit_heads, directory, erasure, pauses
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.host import tenant_host
from automate_tenants.key_store import key_store
from automate_tenants.keys import live_keys
from automate_tenants.models import DeletedWorkspace, ExportChunk, Membership, Tenant, WorkspaceExport
from automate_tenants.provisioning import ref

logger = logging.getLogger("automate.lifecycle")
GRACE = timedelta(days=7)
ERASED = ["the workspace's schema: events, runs, workflows, secrets, audit log", *erasure.ERASED]
NOT_ERASED = "Backups of the database, until they expire: what was sealed is unreadable there, event payloads are not."


class WrongName(Invalid):
    """What was typed is not the workspace's address."""

    code = "wrong_name"


@dataclass(frozen=True)
class Stops:
    """What stops working when the workspace does."""

    workflows: int  # that are live
    endpoints: int  # that take events
    schedules: int
    keys: int
    runs: int  # not ended
    members: int


def what_stops(tenant: Tenant, now: datetime) -> Stops:
    """Counted now; for the page that asks whether one is sure."""
    with tenant_scope(ref(tenant)):
        return Stops(
            workflows=Workflow.objects.kept().filter(is_enabled=True, active_version__isnull=False).count(),
            endpoints=WebhookEndpoint.objects.filter(is_active=True).count(),
            schedules=Schedule.objects.filter(is_active=True, is_paused=False).count(),
            keys=live_keys(tenant.pk, now).count(),
            runs=ExecutionRun.objects.filter(ended_at=None).count(),
            members=Membership.objects.filter(tenant_id=tenant.pk).count(),
        )


@transaction.atomic
def ask(*, tenant_id: int, actor: str, confirm: str, now: datetime) -> Tenant:
    """Stop the workspace and have it deleted after the grace. Its owners get a letter.

    `confirm`: its address, as typed. Raises WrongName, and Conflict when it is suspended or being deleted already.
    """
    tenant: Tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    if confirm.strip() != tenant.slug:
        raise WrongName(f"Type the workspace's address exactly: {tenant.slug}", details={"param": "confirm"})
    if tenant.status != Tenant.Status.ACTIVE:
        raise Conflict("This workspace is stopped already: it is suspended, or being deleted.")
    tenant.status, tenant.delete_at, tenant.delete_asked_by = Tenant.Status.DELETING, now + GRACE, actor[:200]
    tenant.save(update_fields=["status", "delete_at", "delete_asked_by"])
    pauses.pause_suspended(tenant_id)
    _record(tenant, actor, "workspace.delete", now, delete_at=tenant.delete_at.isoformat())
    transaction.on_commit(lambda: _tell_owners(tenant))
    return tenant


@transaction.atomic
def undo(*, tenant_id: int, actor: str, now: datetime) -> Tenant:
    """Let a workspace that is being deleted go on, with whatever waited. Raises Conflict where it is too late."""
    tenant: Tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    is_begun = DeletedWorkspace.objects.filter(pk=tenant_id).exists()
    if tenant.status != Tenant.Status.DELETING or is_begun:
        raise Conflict("This workspace is not waiting to be deleted.")
    tenant.status, tenant.delete_at, tenant.delete_asked_by = Tenant.Status.ACTIVE, None, ""
    tenant.save(update_fields=["status", "delete_at", "delete_asked_by"])
    pauses.end_suspension(tenant_id)
    _record(tenant, actor, "workspace.delete_undone", now)
    return tenant


def go_on(*, now: datetime, go_on: Callable[[], bool] = lambda: True) -> list[str]:
    """Carry out every deletion that is due or was left unfinished; the addresses of those that are done now.

    One that fails says so in its row and in the log, is tried again the next time, and holds up no other.
    """
    with public_scope():
        due = Tenant.objects.filter(status=Tenant.Status.DELETING, delete_at__lte=now).order_by("delete_at")
        for tenant_id in due.values_list("pk", flat=True):
            _begin(tenant_id, now)
        done = []
        for deleted in DeletedWorkspace.objects.filter(ended_at=None).order_by("begun_at"):
            if not go_on():
                break
            try:
                carry_out(deleted, now=now)
                done.append(deleted.slug)
            except (DatabaseError, OSError) as error:
                logger.exception("a workspace was not deleted; it is tried again")
                problem = f"{type(error).__name__}: {error}"[:300]
                DeletedWorkspace.objects.filter(pk=deleted.pk).update(latest_error=problem)
        return done


@transaction.atomic
def _begin(tenant_id: int, now: datetime) -> None:
    """The point of no return; whoever undoes it at this moment comes before or too late."""
    tenant = Tenant.objects.select_for_update().filter(pk=tenant_id, status=Tenant.Status.DELETING).first()
    if tenant is None:
        return
    facts = {"slug": tenant.slug, "schema_name": tenant.schema_name, "asked_by": tenant.delete_asked_by}
    DeletedWorkspace.objects.get_or_create(pk=tenant_id, defaults={**facts, "begun_at": now})


def carry_out(deleted: DeletedWorkspace, *, now: datetime) -> None:
    """Every step that is left; each may have been done before."""
    _destroy_key(deleted, now)
    _delete_rows(deleted.pk)
    _end_sessions(deleted.slug)
    audit_heads.forget(deleted.schema_name)
    directory.forget(deleted.slug)
    DeletedWorkspace.objects.filter(pk=deleted.pk).update(ended_at=now, latest_error="")


def _destroy_key(deleted: DeletedWorkspace, now: datetime) -> None:
    if key_store().certificate(deleted.schema_name) is not None:
        return
    certificate = erasure.certify(
        workspace=deleted.slug,
        schema=deleted.schema_name,
        actor=deleted.asked_by,
        now=now,
        erased=ERASED,
        not_erased=NOT_ERASED,
    )
    key_store().destroy(deleted.schema_name, json.dumps(certificate, indent=2).encode())


@transaction.atomic
def _delete_rows(tenant_id: int) -> None:
    """The schema and every public row, or nothing. The workspace's own row is the last: without it all is done."""
    tenant = Tenant.objects.select_for_update().filter(pk=tenant_id).first()
    if tenant is None:
        return
    tenant_host().workspace_deleted(tenant)
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.automate_drop_v1(%s)", [tenant_id])
        if not cursor.fetchone()[0]:
            raise DatabaseError("The schema was not dropped: its grace is not over by the database's clock.")
    exports = WorkspaceExport.objects.filter(tenant_id=tenant_id)
    ExportChunk.objects.filter(export_id__in=exports.values("pk")).delete()
    for model in of_tenant():
        model._default_manager.filter(tenant_id=tenant_id).delete()
    Tenant.objects.filter(pk=tenant_id).delete()


def of_tenant() -> list[type[models.Model]]:
    """Our public tables whose rows go with their workspace, but for those that only the owner role changes."""
    return [
        model
        for model in apps.get_app_config("automate_tenants").get_models()
        if any(field.column == "tenant_id" for field in model._meta.concrete_fields)
        and model._meta.db_table not in {"automate_tenants_deletedworkspace", "automate_tenants_tenantmigration"}
    ]


def _end_sessions(slug: str) -> None:
    """Log-ins at the workspace's host; those on the app's host are the people's own."""
    opened = UserSession.objects.filter(data__workspace=slug)
    Session.objects.filter(session_key__in=list(opened.values_list("session_key", flat=True))).delete()
    opened.delete()


def _tell_owners(tenant: Tenant) -> None:
    """A mail server that is away stops nothing: the page of workspaces says the same."""
    owners = Membership.objects.filter(tenant_id=tenant.pk, role=Membership.Role.OWNER)
    words = (
        f"The workspace {tenant.name} ({tenant.slug}) is stopped and will be deleted on {tenant.delete_at:%Y-%m-%d} at "
        f"{tenant.delete_at:%H:%M} UTC, with everything in it.\n\nUntil then any Owner can undo it under Workspaces: "
        f"{settings.BASE_URL.rstrip('/')}/workspaces/\n"
    )
    for email in owners.values_list("user__email", flat=True):
        try:
            send_mail(f"{tenant.name} will be deleted", words, settings.DEFAULT_FROM_EMAIL, [email])
        except OSError:
            logger.warning("a letter about a deletion was not taken", exc_info=True)


def _record(tenant: Tenant, actor: str, action: str, now: datetime, **details: Any) -> None:
    resource = f"tenant:{tenant.pk}"
    audit.record(ref(tenant), actor=actor, action=action, resource=resource, details=details, now=now)
    transaction.on_commit(lambda: directory.forget(tenant.slug))
