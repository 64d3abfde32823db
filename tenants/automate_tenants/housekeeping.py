"""Housekeeping, a tenant at a time: old rows are looked for once an hour, by whichever worker gets to it first.

A worker takes a tenant by moving its `kept_house_at`, in a statement of its own, so nothing is locked while it works.
One that stops in the middle leaves the rest for the next hour; one that runs out of time hands the tenant on at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailConfirmation
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from automate.housekeeping import keep_house
from automate.retention import Purged, configured
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.endpoints import forget_old_secrets
from automate_tenants.models import (
    AccountEvent,
    ApiKey,
    EmailCode,
    ExportChunk,
    FailedSignup,
    HandoverTicket,
    Invitation,
    OperatorVisit,
    RefusalCount,
    RefusalEpisode,
    RefusalSample,
    RequestCount,
    RequestSample,
    Tenant,
    WorkspaceExport,
)
from automate_tenants.notifications import keeping as notifications
from automate_tenants.provisioning import ref

EVERY = timedelta(hours=1)
BATCH = 5_000  # rows of one public table deleted in one pass


def keep_next(*, now: datetime, go_on: Callable[[], bool]) -> bool:
    """Keep house for the tenant that has waited longest; False when none is due. `go_on` ends it early."""
    tenant = _take(now)
    if tenant is None:
        return False
    keep(tenant, now=now, go_on=go_on)
    if not go_on():
        with public_scope():
            Tenant.objects.filter(pk=tenant.pk).update(kept_house_at=now - EVERY)
    return True


def keep(tenant: Tenant, *, now: datetime, go_on: Callable[[], bool] = lambda: True) -> Purged[str]:
    """Everything of one tenant that is due: its own tables, then what public tables hold about it. Rows deleted."""
    retention = configured().for_days(tenant.kept_days)
    with tenant_scope(ref(tenant)):
        purged = keep_house(now=now, retention=retention, go_on=go_on)
        purged["signing_secret"] += forget_old_secrets(now=now)
        purged["notification"] += notifications.keep_house(now=now)
    with public_scope():
        cutoff = retention.cutoff(now)
        of_tenant = Q(tenant_id=tenant.pk)
        purged["refusalsample"] += RefusalSample.objects.filter(of_tenant, received_at__lt=cutoff).delete()[0]
        purged["refusalcount"] += RefusalCount.objects.filter(of_tenant, minute__lt=cutoff).delete()[0]
        quiet = RefusalEpisode.objects.filter(of_tenant, latest_at__lt=cutoff)
        purged["refusalepisode"] += quiet.delete()[0]
        purged["requestsample"] += RequestSample.objects.filter(of_tenant, received_at__lt=cutoff).delete()[0]
        purged["requestcount"] += RequestCount.objects.filter(of_tenant, since__lt=cutoff).delete()[0]
        purged["handoverticket"] += HandoverTicket.objects.filter(of_tenant, expires_at__lt=now).delete()[0]
    return Counter(+purged)


def keep_installation(*, now: datetime, go_on: Callable[[], bool] = lambda: True) -> Purged[str]:
    """What belongs to no workspace: rows of public tables past their time. Rows deleted."""
    purged: Purged[str] = Counter()
    with public_scope():
        for old in _old(now):
            if not go_on():
                break
            batch = old.order_by().values("pk")[:BATCH]
            purged[str(old.model._meta.model_name)] += old.model._default_manager.filter(pk__in=batch).delete()[0]
    return Counter(+purged)


def _old(now: datetime) -> list[QuerySet[Any]]:
    """What may go, table by table; `row_ends` says the same in words."""
    long, quarter, month = now - timedelta(days=400), now - timedelta(days=90), now - timedelta(days=30)
    session = Session.objects.filter(session_key=OuterRef("session_key"))
    ended = Q(accepted_at__lt=quarter) | Q(revoked_at__lt=quarter) | Q(expires_at__lt=quarter)
    archive = WorkspaceExport.objects.filter(pk=OuterRef("export_id"), expires_at__gt=now)
    making = WorkspaceExport.objects.filter(pk=OuterRef("export_id"), status__in=("queued", "running"))
    return [
        AccountEvent.objects.filter(at__lt=long),
        ApiKey.objects.filter(Q(revoked_at__lt=long) | Q(expires_at__lt=long)),
        EmailCode.objects.filter(expires_at__lt=now - timedelta(days=1)),
        EmailConfirmation.objects.filter(created__lt=month),
        ExportChunk.objects.filter(~Exists(archive), ~Exists(making)),
        LogEntry.objects.filter(action_time__lt=long),
        FailedSignup.objects.filter(at__lt=quarter),
        Invitation.objects.filter(ended),
        OperatorVisit.objects.filter(created_at__lt=long),
        Session.objects.filter(expire_date__lt=now),
        UserSession.objects.filter(~Exists(session), created_at__lt=now - timedelta(hours=1)),
        WorkspaceExport.objects.filter(created_at__lt=long),
    ]


def _take(now: datetime) -> Tenant | None:
    """The tenant whose turn it is, marked as taken; None when every tenant's is less than an hour ago."""
    with public_scope(), transaction.atomic():
        waiting = Tenant.objects.filter(Q(kept_house_at=None) | Q(kept_house_at__lte=now - EVERY))
        turn = waiting.order_by(F("kept_house_at").asc(nulls_first=True), "pk")
        tenant: Tenant | None = turn.select_for_update(skip_locked=True, of=("self",)).first()
        if tenant is not None:
            Tenant.objects.filter(pk=tenant.pk).update(kept_house_at=now)
        return tenant
