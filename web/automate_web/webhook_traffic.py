"""What came to a webhook endpoint: its latest requests with their verdicts, and the counts of 24 hours.

Accepted requests are events; duplicates, challenges and refusals are samples that gateways keep. The three are merged
by time. Of events only the workspace's newest 10,000 are looked through, so that a quiet endpoint of a busy workspace
costs no more than another. Works in the current tenant.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, F, JSONField, Max, Sum, TextField, When
from django.db.models.functions import Cast, Length

from automate.models import Event, OutboxJob, WebhookEndpoint, Workflow
from automate.outbox.holding import HELD_UNTIL
from automate.services.masked_events import masked_for
from automate_governance.redaction import redact
from automate_tenants.context import current_tenant
from automate_tenants.models import RefusalCount, RefusalSample, RequestCount, RequestSample
from automate_web import filters
from automate_web.cursor import InvalidCursor
from automate_web.pages.refusals import explain

VERDICTS = {
    "accepted": "Accepted",
    "duplicate": "Duplicate",
    "rejected": "Rejected",
    "challenge": "Challenge answered",
    "test": "Test",
}
PAGE = 20
LOOKED_THROUGH = 10_000  # events
MAX_COUNTED = 10_000
MAX_BODY_BYTES = 8192  # as gateways keep of refused requests; a longer one is on the event's own page
DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Request:
    """One request, as it may be shown."""

    verdict: str  # of VERDICTS
    received_at: datetime
    trace_id: UUID
    code: str = ""  # of the check that failed
    why: str = ""  # in words
    event_id: UUID | None = None
    ip: str | None = None
    headers: dict[str, str] | None = None
    body: str | None = None  # redacted; None where it was not kept

    @property
    def ordered_headers(self) -> list[tuple[str, str]]:
        return sorted((self.headers or {}).items())


@dataclass(frozen=True)
class RequestPage:
    results: list[Request]
    next_cursor: str | None
    previous_cursor: str | None = None


@dataclass
class Traffic:
    """An endpoint's 24 hours; `latest_at` is that of the latest request it took, as long as counts are kept."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    latest_at: datetime | None = None
    workflows: list[Workflow] = field(default_factory=list)


def recent(
    endpoint: WebhookEndpoint, *, verdict: str = "", code: str = "", cursor: str | None = None, limit: int = PAGE
) -> RequestPage:
    """Newest first, of one verdict or all, of one refusal's code or all. Raises InvalidCursor."""
    before = _decode(cursor) if cursor else None
    wanted = {verdict} if verdict else {"rejected"} if code else set(VERDICTS)
    found: list[Request] = []
    if "accepted" in wanted:
        found += _accepted(endpoint, before, limit + 1)
    if "rejected" in wanted:
        found += _rejected(endpoint, code, before, limit + 1)
    if wanted & {"duplicate", "challenge", "test"}:
        found += _answered(endpoint, wanted, before, limit + 1)
    found.sort(key=lambda request: request.received_at, reverse=True)
    is_more = len(found) > limit
    return RequestPage(found[:limit], _encode(found[limit - 1].received_at) if is_more else None)


def traffic(endpoints: Sequence[WebhookEndpoint], *, now: datetime) -> dict[UUID, Traffic]:
    """By endpoint; four queries for any number of them."""
    found = {endpoint.pk: Traffic() for endpoint in endpoints}
    tenant_id, since = current_tenant().id, now - DAY
    mine = RequestCount.objects.filter(tenant_id=tenant_id, endpoint_id__in=found)
    for endpoint_id, at in mine.values_list("endpoint_id").annotate(at=Max("latest_at")).order_by():
        found[endpoint_id].latest_at = at
    today = mine.filter(since__gte=since).values_list("endpoint_id")
    for endpoint_id, taken, again in today.annotate(taken=Sum("accepted"), again=Sum("duplicates")).order_by():
        found[endpoint_id].accepted, found[endpoint_id].duplicates = taken, again
    refused = RefusalCount.objects.filter(tenant_id=tenant_id, endpoint_id__in=found, minute__gte=since)
    for endpoint_id, rejected in refused.values_list("endpoint_id").annotate(rejected=Sum("count")).order_by():
        found[endpoint_id].rejected = rejected
    by_slug = fed()
    for endpoint in endpoints:
        found[endpoint.pk].workflows = by_slug.get(endpoint.slug, [])
    return found


def fed() -> dict[str, list[Workflow]]:
    """The live workflows that webhooks start, by the name of the endpoint; one query."""
    live = Workflow.objects.kept().filter(is_enabled=True, active_version__trigger_spec__type="webhook")
    found: dict[str, list[Workflow]] = {}
    slim = live.select_related("active_version").defer("draft", "active_version__steps", "active_version__rule")
    for workflow in slim.order_by("slug"):
        assert workflow.active_version is not None
        found.setdefault(str(workflow.active_version.trigger_spec.get("endpoint", "")), []).append(workflow)
    return found


def refused_codes(endpoint: WebhookEndpoint, *, now: datetime) -> list[tuple[str, int]]:
    """What 24 hours' refusals were for, the most frequent first."""
    rows = RefusalCount.objects.filter(tenant_id=current_tenant().id, endpoint_id=endpoint.pk, minute__gte=now - DAY)
    return list(rows.values_list("code").annotate(total=Sum("count")).order_by("-total", "code"))


def held_count(endpoint: WebhookEndpoint) -> int:
    """How many of its events are held, counted up to 10,000."""
    held = OutboxJob.objects.filter(kind=OutboxJob.Kind.EVENT, status=OutboxJob.Status.PENDING, available_at=HELD_UNTIL)
    mine = held.filter(event_id__in=Event.objects.filter(source=endpoint.source).values("pk"))
    return len(mine.values_list("pk")[:MAX_COUNTED])


def _accepted(endpoint: WebhookEndpoint, before: datetime | None, limit: int) -> Iterator[Request]:
    events = Event.objects.filter(source=endpoint.source)
    if endpoint.removed_at is not None:  # later ones came to another endpoint of this name
        events = events.filter(received_at__lte=endpoint.removed_at + timedelta(seconds=5))
    oldest = list(Event.objects.order_by("-pk").values_list("pk", flat=True)[LOOKED_THROUGH : LOOKED_THROUGH + 1])
    if oldest:
        events = events.filter(pk__gt=oldest[0])
    if before is not None:
        events = events.filter(pk__lt=filters.id_at(before + timedelta(minutes=1)), received_at__lt=before)
    short = Case(When(size__lte=MAX_BODY_BYTES, then=F("payload")), output_field=JSONField())
    rows = events.defer("payload").annotate(size=Length(Cast("payload", TextField())), short=short)
    for event in rows.order_by("-pk")[:limit]:
        with masked_for(event):
            yield Request(
                "accepted",
                event.received_at,
                event.trace_id,
                event_id=event.pk,
                why=f"Stored as an event of the type {event.type}.",
                headers=redact(event.headers or {}),
                body=None if event.size > MAX_BODY_BYTES else _text(redact(event.short)),
            )


def _rejected(endpoint: WebhookEndpoint, code: str, before: datetime | None, limit: int) -> Iterator[Request]:
    samples = RefusalSample.objects.filter(tenant_id=current_tenant().id, endpoint_id=endpoint.pk)
    if code:
        samples = samples.filter(code=code)
    if before is not None:
        samples = samples.filter(received_at__lt=before)
    for sample in samples.order_by("-received_at")[:limit]:
        yield Request(
            "rejected",
            sample.received_at,
            sample.trace_id,
            code=sample.code,
            why=_refusal_in_words(sample),
            ip=sample.ip,
            headers=sample.headers or sample.details.get("request"),
            body=sample.body or None,
        )


def _answered(endpoint: WebhookEndpoint, verdicts: set[str], before: datetime | None, limit: int) -> Iterator[Request]:
    samples = RequestSample.objects.filter(tenant_id=current_tenant().id, endpoint_id=endpoint.pk, verdict__in=verdicts)
    if before is not None:
        samples = samples.filter(received_at__lt=before)
    for sample in samples.order_by("-received_at")[:limit]:
        yield Request(
            sample.verdict,
            sample.received_at,
            sample.trace_id,
            why=_answer_in_words(sample),
            event_id=sample.event_id,
            ip=sample.ip,
            headers=sample.headers,
        )


def _refusal_in_words(sample: RefusalSample) -> str:
    """What the sender was told, and the way out where that is not said already; `details` are the sender's alone."""
    fix = explain(sample).fix
    return sample.message if "`details" in fix else f"{sample.message} {fix}".strip()


def _answer_in_words(sample: RequestSample) -> str:
    if sample.verdict == RequestSample.Verdict.CHALLENGE:
        return "The sender asked whether somebody is here, and got its own words back. It is no event."
    if sample.verdict == RequestSample.Verdict.TEST:
        return "A test key: every check was passed. No event was stored and nothing ran."
    if sample.body_differs:
        return "The dedupe key of an earlier event with another body. The first one stays; this body was not kept."
    return "The same dedupe key as an earlier event: nothing was stored or run again."


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _encode(at: datetime) -> str:
    """
    >>> _decode(_encode(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC))).isoformat()
    '2026-01-02T03:04:05.000006+00:00'
    """
    return base64.urlsafe_b64encode(at.astimezone(UTC).isoformat().encode()).decode().rstrip("=")


def _decode(cursor: str) -> datetime:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidCursor("This cursor is not one of this list.", details={"param": "cursor"}) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
