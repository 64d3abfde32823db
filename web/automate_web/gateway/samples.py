"""Samples: what is kept of a request that made no event, in memory until the ledger writes it, redacted as it leaves.

Redacting costs more than refusing, so it is done in the background and not for more than can be kept. The bodies and
headers that wait are at most 16 MiB together: what comes above that is kept without them.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson

from automate.ingest.headers import kept_headers
from automate.ingest.refusal import Refusal
from automate_governance.redaction import redact, redact_text
from automate_governance.redaction.current import masking_emails
from automate_governance.storable import storable
from automate_web.gateway.http import Request
from automate_web.gateway.routes import Route

KEPT_SAMPLES = 100  # of each endpoint
MAX_ENDPOINTS = 1000  # with samples in memory at once
MAX_BODY_BYTES = 8192  # a longer one is not kept
MAX_WAITING_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """What a request held."""

    fields: dict[str, str]
    raw: bytes | None  # the body; None when it was not read or is too long

    @property
    def size(self) -> int:
        return len(self.raw or b"") + sum(map(len, self.fields.values()))


@dataclass(frozen=True, slots=True)
class Sample:
    """One request; whose, when, from where."""

    tenant_id: int
    endpoint_id: UUID
    trace_id: UUID
    ip: str | None
    received_at: datetime
    masks_emails: bool  # as the workspace's policy says
    content: Content | None

    def shown(self, value: Any) -> Any:
        """`value`, of this request, as it may be kept."""
        with masking_emails(self.masks_emails):
            return storable(redact(value))

    def headers(self) -> str | None:
        """As JSON: those that events keep, and what they are masked by."""
        if self.content is None:
            return None
        with masking_emails(self.masks_emails):
            return orjson.dumps(storable(kept_headers(self.content.fields.items()))).decode()

    def body(self) -> str:
        if self.content is None or self.content.raw is None:
            return ""
        with masking_emails(self.masks_emails):
            return str(storable(redact_text(self.content.raw.decode("utf-8", "replace"))))


@dataclass(frozen=True, slots=True)
class Refused(Sample):
    """One refused request."""

    code: str
    message: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered(Sample):
    """One that was answered well: a repeat of `event_id`, a challenge, or a test."""

    verdict: str
    event_id: UUID | None
    body_differs: bool


S = TypeVar("S", bound=Sample)


class Samples(Generic[S]):
    """The newest of each endpoint; those of endpoints beyond the first 1000 are not kept."""

    def __init__(self) -> None:
        self._queues: dict[UUID, deque[S]] = {}
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._queues)

    def content(self, request: Request) -> Content | None:
        """What to keep of a request; None while too much waits already."""
        raw = request.read
        content = Content(request.fields, raw if raw is not None and len(raw) <= MAX_BODY_BYTES else None)
        if self._bytes + content.size > MAX_WAITING_BYTES:
            return None
        self._bytes += content.size
        return content

    def add(self, sample: S) -> None:
        queue = self._queues.get(sample.endpoint_id)
        if queue is None and len(self._queues) < MAX_ENDPOINTS:
            queue = self._queues[sample.endpoint_id] = deque(maxlen=KEPT_SAMPLES)
        if queue is not None:
            queue.append(sample)

    def take(self) -> list[S]:
        """All of them, each endpoint's in order; none is left."""
        queues, self._queues, self._bytes = self._queues, {}, 0
        return [sample for queue in queues.values() for sample in queue]

    def put_back(self, samples: list[S]) -> None:
        """They could not be written: what came meanwhile is newer."""
        newer = self.take()
        for sample in [*samples, *newer]:
            self._bytes += sample.content.size if sample.content is not None else 0
            self.add(sample)


def refused_sample(route: Route, refusal: Refusal, request: Request, now: datetime, content: Content | None) -> Refused:
    fields = request.fields
    seen = {
        "method": request.method[:20],
        "content_type": fields.get("content-type", "")[:100],
        "user_agent": fields.get("user-agent", "")[:200],
        "content_length": fields.get("content-length", "")[:20],
    }
    return Refused(
        tenant_id=route.tenant_id,
        endpoint_id=route.endpoint_id,
        trace_id=UUID(hex=request.trace_id),
        ip=address(request.ip),
        received_at=now,
        masks_emails=route.masks_emails,
        content=content,
        code=refusal.code,
        message=refusal.message,
        details={**refusal.details, "request": {name: value for name, value in seen.items() if value}},
    )


def address(text: str | None) -> str | None:
    """
    >>> address("10.0.0.1"), address("unknown"), address(None)
    ('10.0.0.1', None, None)
    """
    try:
        return str(ipaddress.ip_address(text)) if text else None
    except ValueError:
        return None
