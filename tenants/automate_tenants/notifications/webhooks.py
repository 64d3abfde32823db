"""Webhooks out: Standard Webhooks 1.0 through the one egress, tried ten times over three days.

The receiver may see a message twice and tells it by `webhook-id`. 2xx is success; 410 switches the webhook off; what
egress forbids (a private address, a host that policy does not name) is not tried again.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from automate.ingest import signing_secret
from automate.ingest.schemes.standard_webhooks import StandardWebhooks
from automate.policy.stored import effective_policy
from automate_governance.crypto import Unsealable
from automate_governance.egress import Egress, EgressDenied, EgressError, InvalidTarget, bridge
from automate_governance.redaction import redact_text
from automate_tenants.context import current_tenant
from automate_tenants.key_store import data_key
from automate_tenants.models import Tenant
from automate_tenants.notifications import destinations, letters
from automate_tenants.notifications.models import Channel, Delivery, Destination
from automate_tenants.notifications.taking import due, take

RETRIES = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)  # seconds after each try that failed
JITTER = 0.1  # of the wait, at random on top of it
AT_ONCE = 20
TIMEOUT_SECONDS = 10.0
GONE = 410
SCHEME = StandardWebhooks()


@dataclass(frozen=True)
class Outcome:
    """What became of one try. `status` is None when no answer came; `is_final`: there is no sense in another."""

    status: int | None = None
    error: str = ""
    took_ms: int | None = None
    is_final: bool = False

    @property
    def is_ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def send(*, now: datetime) -> int:
    """Send what is due from the current tenant, at most 20 at once; how many were tried."""
    taken = take(due(Channel.WEBHOOK, now).order_by("due_at"), most=AT_ONCE, now=now)
    if not taken:
        return 0
    tenant = Tenant.objects.get(pk=current_tenant().id)
    egress = _egress()
    bodies = [body(tenant, each) for each in taken]
    calls = [_call(egress, each.destination, str(each.pk), data, now) for each, data in zip(taken, bodies, strict=True)]
    for each, outcome in zip(taken, bridge.run(_all(calls)), strict=True):
        _note(each, outcome, now)
    return len(taken)


def ping(destination: Destination, *, now: datetime) -> Outcome:
    """Send one test message now and say what came of it; nothing of it is kept."""
    tenant = Tenant.objects.get(pk=current_tenant().id)
    data = {"workspace": tenant.slug, "title": "A test from Django Automate", "url": letters.address(tenant, "/")}
    message = {"type": "notification.test", "timestamp": now.isoformat(), "data": data}
    call = _call(_egress(), destination, f"test_{destination.pk}_{now.timestamp():.0f}", _bytes(message), now)
    return bridge.run(_all([call]))[0]


def body(tenant: Tenant, delivery: Delivery) -> bytes:
    """The message as it is signed and sent; the same at each try, but for a count that rose."""
    told = delivery.notification
    return _bytes(
        {
            "type": f"notification.{told.kind}",
            "timestamp": told.created_at.isoformat(),
            "data": {
                "id": str(told.pk),
                "workspace": tenant.slug,
                "kind": told.kind,
                "title": told.title,
                "text": told.text,
                "count": told.count,
                "latest_at": told.latest_at.isoformat(),
                "url": letters.address(tenant, told.path),
                "details": told.details,
            },
        }
    )


def signed(secrets: Sequence[str], *, webhook_id: str, raw: bytes, now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks, with one `v1` signature for each secret.

    >>> now = datetime.fromtimestamp(1)
    >>> signed(["whsec_aGVsbG8="], webhook_id="msg_1", raw=b"{}", now=now)["webhook-signature"]
    'v1,Pd7GNrx/mWyxAr0PqHl2KIAC0Q1SC5QCIVFnGAOF9lM='
    """
    each = [SCHEME.sign(secret=one, raw=raw, delivery=webhook_id, now_seconds=now.timestamp()) for one in secrets]
    return {**each[0], "webhook-signature": " ".join(headers["webhook-signature"] for headers in each)}


def _egress() -> Egress:
    return Egress(effective_policy().egress, current_tenant().schema_name)


async def _all(calls: Sequence[Any]) -> list[Outcome]:
    return list(await asyncio.gather(*calls))


def _call(egress: Egress, destination: Destination | None, webhook_id: str, raw: bytes, now: datetime) -> Any:
    """The call, not begun: secrets are opened here, in the tenant's scope."""
    assert destination is not None
    try:
        key = data_key(current_tenant())
        secrets = signing_secret.open_all(key, destination.pk, bytes(destination.sealed), now=now)
    except Unsealable:
        return _answer(Outcome(error="Its secret cannot be opened. Roll it.", is_final=True))
    headers = {
        "content-type": "application/json",
        "user-agent": "django-automate-notifications/1",
        **signed(secrets, webhook_id=webhook_id, raw=raw, now=now),
    }
    return _post(egress, destination.url, headers, raw)


async def _post(egress: Egress, url: str, headers: dict[str, str], raw: bytes) -> Outcome:
    try:
        reply = await egress.request(
            "POST", url, headers=headers, body=raw, timeout_seconds=TIMEOUT_SECONDS, max_body_bytes=65_536
        )
    except (EgressDenied, InvalidTarget) as error:
        return Outcome(error=error.message, is_final=True)
    except EgressError as error:
        return Outcome(error=error.message)
    said = redact_text(reply.body[:2_000].decode("utf-8", "replace"))[:300]
    problem = "" if 200 <= reply.status < 300 else f"It answered {reply.status}: {said}".strip(": ")
    return Outcome(reply.status, problem, round(reply.elapsed_ms), is_final=reply.status == GONE)


async def _answer(outcome: Outcome) -> Outcome:
    return outcome


@transaction.atomic
def _note(each: Delivery, outcome: Outcome, now: datetime) -> None:
    each.http_status, each.took_ms, each.error = outcome.status, outcome.took_ms, outcome.error[:500]
    if outcome.is_ok:
        each.status = Delivery.Status.SENT
    elif outcome.is_final or each.attempts > len(RETRIES):
        each.status = Delivery.Status.FAILED
    else:
        wait = RETRIES[each.attempts - 1]
        each.due_at = now + timedelta(seconds=wait * (1 + random.random() * JITTER))
    each.save(update_fields=["http_status", "took_ms", "error", "status", "due_at"])
    if outcome.status == GONE and each.destination is not None:
        destinations.disable(each.destination, "It answered 410 Gone.", now=now)


def _bytes(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
