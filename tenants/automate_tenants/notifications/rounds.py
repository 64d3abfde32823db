"""The round that every worker makes each few seconds: whoever is due is looked at, and what waits is sent.

A workspace is due when its dispatch moved since the latest look, when its webhooks refused something, once an hour
whatever it does, and when a delivery's time has come. A worker takes it by moving these times ahead, in a statement of
its own: one that dies leaves it to another, two minutes later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import CharField, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from automate_tenants.context import current_tenant, public_scope, tenant_scope
from automate_tenants.models import DispatchTenant, NotificationTurn, RefusalEpisode, Tenant
from automate_tenants.notifications import letters, watching, webhooks
from automate_tenants.notifications.models import Delivery
from automate_tenants.notifications.taking import LEASE
from automate_tenants.provisioning import ref

logger = logging.getLogger("automate.notifications")
LOOK_EVERY, WHOLE_EVERY = timedelta(seconds=20), timedelta(hours=1)
FIRST_LOOK_BACK = timedelta(hours=1)


@dataclass(frozen=True)
class Taken:
    """A workspace whose turn it is, and for what. `state`: what the dispatch said before it was looked at."""

    tenant: Tenant
    is_looked_at: bool
    is_whole: bool
    since: datetime
    state: str


def go_round(*, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
    """Serve those that are due, one after the other, for as long as `go_on` says yes; how many were."""
    served = 0
    with public_scope():
        _begin()
        while go_on() and (taken := _take(now)) is not None:
            served += 1
            try:
                with tenant_scope(ref(taken.tenant)):
                    serve(taken, now=now)
            except Exception:  # of whatever kind: one workspace delays no other
                logger.exception("Notifications of a workspace failed; they are tried again.")
    return served


def serve(taken: Taken, *, now: datetime) -> None:
    """In the tenant's scope: look, send, and note when to come again."""
    if taken.is_looked_at:
        watching.lately(since=taken.since, now=now)
    if taken.is_whole:
        watching.whole(now=now)
    if taken.is_looked_at:
        done = {"looked_at": now, "seen": taken.state}
        if taken.is_whole:
            done["whole_at"] = now + WHOLE_EVERY
        NotificationTurn.objects.filter(pk=taken.tenant.pk).update(**done)
    letters.send(taken.tenant, now=now)
    webhooks.send(now=now)
    _settle()


def _begin() -> None:
    """New workspaces get their row."""
    known = NotificationTurn.objects.filter(pk=OuterRef("pk"))
    new = Tenant.objects.filter(~Exists(known)).values_list("pk", flat=True)
    rows = [NotificationTurn(tenant_id=tenant_id) for tenant_id in new]
    if rows:
        NotificationTurn.objects.bulk_create(rows, ignore_conflicts=True)


def _turns() -> QuerySet[Any]:
    """With what the dispatch says now, of workspaces that are open."""
    said = Concat(Cast("vtime", CharField()), Value(" "), Cast("config_version", CharField()), output_field=CharField())
    dispatch = DispatchTenant.objects.filter(pk=OuterRef("pk")).annotate(said=said)
    is_open = Tenant.objects.filter(pk=OuterRef("pk"), status=Tenant.Status.ACTIVE)
    refused = RefusalEpisode.objects.filter(tenant_id=OuterRef("pk"), latest_at__gt=OuterRef("looked_at"))
    turns = NotificationTurn.objects.filter(Exists(is_open))
    return turns.annotate(said=Subquery(dispatch.values("said")), has_refused=Exists(refused))


@transaction.atomic
def _take(now: datetime) -> Taken | None:
    moved = ~Q(seen=F("said")) | Q(has_refused=True) | Q(whole_at__lte=now)
    to_look = Q(look_at=None) | (Q(look_at__lte=now) & moved)
    due = _turns().filter(to_look | Q(send_at__lte=now)).order_by(F("look_at").asc(nulls_first=True), "pk")
    turn = due.select_for_update(skip_locked=True, of=("self",)).first()
    if turn is None:
        return None
    said = turn.said or ""
    is_looked_at = turn.look_at is None or turn.look_at <= now
    changed = turn.seen.rpartition(" ")[2] != said.rpartition(" ")[2]
    is_whole = is_looked_at and (changed or turn.whole_at is None or turn.whole_at <= now)
    ahead: dict[str, datetime] = {}
    if is_looked_at:
        ahead["look_at"] = now + LOOK_EVERY
    if turn.send_at is not None:
        ahead["send_at"] = max(turn.send_at, now + LEASE)
    NotificationTurn.objects.filter(pk=turn.pk).update(**ahead)
    since = turn.looked_at or now - FIRST_LOOK_BACK
    return Taken(Tenant.objects.get(pk=turn.pk), is_looked_at, is_whole, since, said)


@transaction.atomic
def _settle() -> None:
    """When the next delivery is due. The row is locked first: who makes one holds it until it can be seen."""
    turn = NotificationTurn.objects.select_for_update().get(pk=current_tenant().id)
    pending = Delivery.objects.filter(status=Delivery.Status.PENDING)
    turn.send_at = pending.aggregate(next=Min("due_at"))["next"]
    turn.save(update_fields=["send_at"])
