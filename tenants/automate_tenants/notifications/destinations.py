"""Where a member's notifications are posted: added with a secret that is shown once, rolled, disabled, removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from automate.ids import new_id
from automate.ingest import signing_secret
from automate.policy.stored import effective_policy
from automate.services import audit
from automate_governance.egress import EgressError, parse_target
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_tenants.context import current_tenant
from automate_tenants.key_store import data_key
from automate_tenants.models import Membership
from automate_tenants.notifications.making import arm
from automate_tenants.notifications.models import Delivery, Destination

MOST = 5  # a member
OVERLAP = timedelta(hours=24)  # after a roll both secrets sign


class InvalidDestination(Invalid):
    """Nothing can be posted there; `details.param` names what is wrong."""

    code = "invalid_destination"


@dataclass(frozen=True)
class Added:
    """A destination and the secret that was made for it (`whsec_…`), which cannot be read again."""

    destination: Destination
    secret: str


def of_member(member: Membership) -> QuerySet[Destination]:
    """Oldest first."""
    return Destination.objects.filter(user_id=member.user_id).order_by("created_at", "id")


def find(member: Membership, destination_id: UUID) -> Destination:
    """The member's own. Raises NotFound."""
    found = of_member(member).filter(pk=destination_id).first()
    if found is None:
        raise NotFound("You have no such webhook.")
    return found


@transaction.atomic
def add(*, member: Membership, url: str, now: datetime, actor: str = "") -> Added:
    """Raises InvalidDestination for a URL that may not be called from here, Conflict for one that is there already."""
    url = url.strip()
    _check(url)
    Membership.objects.select_for_update().get(pk=member.pk)  # one at a time: the number is bounded
    known = of_member(member)
    if known.filter(url=url).exists():
        raise Conflict("This webhook is there already.")
    if known.count() >= MOST:
        raise InvalidDestination(f"At most {MOST} webhooks a member. Remove one first.", details={"param": "url"})
    destination_id, secret = new_id(), signing_secret.make()
    sealed = signing_secret.seal(data_key(current_tenant()), destination_id, secret)
    made = Destination.objects.create(id=destination_id, user_id=member.user_id, url=url, sealed=sealed, created_at=now)
    _record(made, "notifications.add_webhook", actor, now)
    return Added(made, secret)


@transaction.atomic
def roll(*, member: Membership, destination_id: UUID, now: datetime, actor: str = "") -> Added:
    """A new secret; for a day each message carries both signatures. Raises NotFound."""
    found = _locked(member, destination_id)
    key = data_key(current_tenant())
    before = signing_secret.open_all(key, found.pk, bytes(found.sealed), now=now)[0]
    secret = signing_secret.make()
    found.sealed = signing_secret.seal(key, found.pk, secret, previous=before, until=now + OVERLAP)
    found.save(update_fields=["sealed"])
    _record(found, "notifications.roll_webhook", actor, now)
    return Added(found, secret)


@transaction.atomic
def enable(*, member: Membership, destination_id: UUID, is_on: bool, now: datetime, actor: str = "") -> Destination:
    """Send there again, or no more. Raises NotFound."""
    found = _locked(member, destination_id)
    if is_on == (found.disabled_at is None):
        return found
    if is_on:
        found.disabled_at, found.disabled_because = None, ""
        found.save(update_fields=["disabled_at", "disabled_because"])
    else:
        disable(found, "It was switched off.", now=now)
    _record(found, f"notifications.{'enable' if is_on else 'disable'}_webhook", actor, now)
    return found


def disable(found: Destination, because: str, *, now: datetime) -> None:
    """Nothing more is sent there; what waits is given up."""
    Destination.objects.filter(pk=found.pk).update(disabled_at=now, disabled_because=because[:300])
    found.disabled_at, found.disabled_because = now, because[:300]
    waiting = Delivery.objects.filter(destination=found, status=Delivery.Status.PENDING)
    waiting.update(status=Delivery.Status.FAILED, error="The webhook is switched off.")


@transaction.atomic
def remove(*, member: Membership, destination_id: UUID, now: datetime, actor: str = "") -> None:
    """With its log. Raises NotFound."""
    found = _locked(member, destination_id)
    _record(found, "notifications.remove_webhook", actor, now)
    found.delete()


def log(member: Membership) -> QuerySet[Delivery]:
    """What was sent to the member's webhooks or waits to be, the newest first."""
    rows = Delivery.objects.filter(user_id=member.user_id, destination__isnull=False)
    return rows.select_related("notification", "destination").order_by("-id")


@transaction.atomic
def redeliver(*, member: Membership, delivery_id: UUID, now: datetime, actor: str = "") -> Delivery:
    """Send it once more, with the same id and a new round of tries. Raises NotFound, Conflict."""
    found = log(member).select_for_update(of=("self",)).filter(pk=delivery_id).first()
    if found is None or found.destination is None:
        raise NotFound("There is no such delivery.")
    if found.destination.disabled_at is not None:
        raise Conflict("This webhook is switched off. Switch it on first.")
    found.status, found.attempts, found.due_at, found.error = Delivery.Status.PENDING, 0, now, ""
    found.save(update_fields=["status", "attempts", "due_at", "error"])
    _record(found.destination, "notifications.redeliver", actor, now)
    arm(now)
    return found


def _check(url: str) -> None:
    if len(url) > 500:
        raise InvalidDestination("A URL has at most 500 characters.", details={"param": "url"})
    try:
        effective_policy().egress.check(parse_target(url))
    except EgressError as error:
        raise InvalidDestination(error.message, details={"param": "url"}) from None


def _locked(member: Membership, destination_id: UUID) -> Destination:
    found = of_member(member).select_for_update().filter(pk=destination_id).first()
    if found is None:
        raise NotFound("You have no such webhook.")
    return found


def _record(found: Destination, action: str, actor: str, now: datetime) -> None:
    """The URL's path may be a secret; its host is not."""
    who, host = f"user:{found.user_id}", parse_target(found.url).host
    audit.record(
        actor=actor or who,
        action=action,
        resource=f"webhook_out:{found.pk}",
        details={"host": host, "member": who},
        now=now,
    )
