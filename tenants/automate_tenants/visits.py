"""Visits: an operator looks at a workspace as a Viewer does, reading only, for an hour, and its audit log says so.

The operators' host writes the visit down and gives a signed word that works once, within a minute, on the workspace's
host. There the session is the operator's own, marked with the visit; every request asks whether it still holds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from automate_tenants import audit
from automate_tenants.handover import InvalidTicket
from automate_tenants.models import Membership, OperatorVisit, Tenant
from automate_tenants.provisioning import ref

LIFE = timedelta(hours=1)
WORD_SECONDS = 60
SESSION_KEY = "operator_visit"
_SALT = "automate.visit"
_READS = {"GET", "HEAD", "OPTIONS"}


@transaction.atomic
def begin(*, operator: Any, tenant: Tenant, reason: str, now: datetime) -> str:
    """Write the visit down, in the workspace's audit log too; the signed word that enters it."""
    visit = OperatorVisit.objects.create(
        tenant_id=tenant.pk, operator=operator, reason=reason[:300], created_at=now, expires_at=now + LIFE
    )
    audit.record(
        ref(tenant),
        actor=f"operator:{operator.get_username()}",
        action="operator.visit",
        resource=f"visit:{visit.pk}",
        details={"reason": visit.reason, "until": visit.expires_at.isoformat()},
        now=now,
    )
    return signing.dumps(str(visit.pk), salt=_SALT)


def enter(word: str, tenant_id: int, *, now: datetime) -> OperatorVisit:
    """Spend the word. Raises InvalidTicket for one that is forged, spent, too old or for another workspace."""
    try:
        visit_id = UUID(signing.loads(word, salt=_SALT, max_age=WORD_SECONDS))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise _invalid() from error
    mine = OperatorVisit.objects.filter(pk=visit_id, tenant_id=tenant_id, entered_at=None, operator__is_staff=True)
    if not mine.filter(operator__is_active=True).update(entered_at=now):
        raise _invalid()
    return OperatorVisit.objects.select_related("operator").get(pk=visit_id)


def membership_of(request: Any, tenant_id: int) -> Membership | None:
    """The visiting operator's place in the workspace while the visit lasts, as a Viewer that no table knows; or None.

    Raises Django's PermissionDenied for a request that could change something.
    """
    visit_id = request.session.get(SESSION_KEY)
    if visit_id is None:
        return None
    held = OperatorVisit.objects.filter(pk=visit_id, tenant_id=tenant_id, operator_id=request.user.pk)
    if not held.filter(expires_at__gt=timezone.now(), operator__is_staff=True).exists():
        return None
    if request.method not in _READS and request.path_info != "/leave/":
        raise PermissionDenied("You look at this workspace as an operator: nothing can be changed from here.")
    request.user.is_superuser = False  # a superuser is asked for no permission: here the Viewer's hold
    request.is_visit = True
    return Membership(
        id=0, user=request.user, tenant_id=tenant_id, role=Membership.Role.VIEWER, created_at=timezone.now(),
        checklist_dismissed_at=timezone.now(), latest_seen_at=timezone.now(),
    )  # fmt: skip


def _invalid() -> InvalidTicket:
    return InvalidTicket("This visit's link is used up or too old. Begin it again on the operators' pages.")
