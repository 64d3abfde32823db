"""`POST /hooks/<token>` of the engine alone: the same checks as the hosted gateway's, one transaction per request.

API keys of a plain project are named in the settings, as SHA-256 in hex:
`DJANGO_AUTOMATE["INGEST"]["API_KEY_HASHES"]`. With none, an endpoint that demands a key refuses everybody.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from automate import host
from automate.ingest import schemes, signing_secret
from automate.ingest.body import MAX_BODY_BYTES, read_body
from automate.ingest.dedupe import dedupe_key, event_type
from automate.ingest.headers import kept_headers
from automate.ingest.ingestor import EventIngestor, Ingested
from automate.ingest.refusal import (
    EndpointNotFound,
    InvalidJson,
    MethodNotAllowed,
    Refusal,
    StorageUnavailable,
    payload_too_large,
    retry_later,
)
from automate.ingest.trace import new_trace_id, parse_traceparent
from automate.ingest.verify import bearer_token, invalid_api_key
from automate.models import WebhookEndpoint
from automate_governance.crypto import Unsealable
from automate_governance.redaction.current import masking_emails

logger = logging.getLogger("automate.ingest")


@dataclass(frozen=True)
class Ingest:
    """The part of the settings that this package reads."""

    API_KEY_HASHES: tuple[str, ...] = ()  # SHA-256 of each key that may send, 64 hex digits


@dataclass(frozen=True)
class Challenge:
    """The sender asked whether somebody is here, and wants to hear its own words back; no event."""

    asked: str


def ingest_settings() -> Ingest:
    options: dict[str, Any] = getattr(settings, "DJANGO_AUTOMATE", {})
    return Ingest(**options.get("INGEST", {}))


@method_decorator(csrf_exempt, name="dispatch")
class WebhookView(View):
    """Takes an event at an endpoint's URL and answers 202 once it is stored."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        trace_id = parse_traceparent(request.headers.get("traceparent")) or new_trace_id()
        try:
            if request.method != "POST":
                raise MethodNotAllowed("Send events with POST.", headers={"Allow": "POST"})
            answer = _answer(accept(request, str(kwargs["token"]), trace_id))
        except Refusal as refusal:
            _read_away(request)
            headers = {name: value for name, value in refusal.headers.items() if name != "Connection"}  # PEP 3333
            answer = JsonResponse(refusal.as_dict(trace_id), status=refusal.http_status, headers=headers)
        answer["X-Trace-Id"] = trace_id
        return answer


def accept(request: HttpRequest, token: str, trace_id: str) -> Ingested | Challenge:
    """Verify, read and store one request. Raises a Refusal, also when the database cannot take it."""
    try:
        return _accept(request, token, trace_id)
    except DatabaseError as error:
        logger.exception("event not stored, trace %s", trace_id)
        message = "The event could not be stored for certain. Repeat it with the same dedupe key."
        raise retry_later(StorageUnavailable, message, seconds=2) from error


def _accept(request: HttpRequest, token: str, trace_id: str) -> Ingested | Challenge:
    endpoint = WebhookEndpoint.objects.filter(token=token).first()
    if endpoint is None:
        raise EndpointNotFound("No endpoint has this URL. Copy it again.")
    if endpoint.auth == WebhookEndpoint.Auth.API_KEY:
        _check_key(request)
    raw = _raw_body(request)
    scheme = _scheme(endpoint)
    if scheme is not None:
        secrets = _secrets(endpoint)
        scheme.verify(secrets=secrets, headers=request.headers, raw=raw, now_seconds=time.time())
    body = read_body(raw, request.headers.get("content-type"), request.headers.get("content-encoding"))
    if (asked := schemes.challenge(endpoint.auth, body.value)) is not None:
        return Challenge(asked)
    with masking_emails(host.current().masks_emails()):
        headers = kept_headers((name.lower(), value) for name, value in request.headers.items())
    return EventIngestor().ingest(
        type=event_type(body.value, type_path=endpoint.type_path, default=endpoint.event_type),
        payload=body.exact_value(),
        source=endpoint.source,
        dedupe_source=f"webhook:{endpoint.id}",
        dedupe_key=dedupe_key(
            text=body.text,
            value=body.value,
            dedupe_path=endpoint.dedupe_path,
            webhook_id=schemes.delivery_id(scheme, request.headers),
            idempotency_key=request.headers.get("idempotency-key"),
        ),
        raw=raw,
        headers=headers,
        trace_id=trace_id,
        is_held=not endpoint.is_active,
    )


def _check_key(request: HttpRequest) -> None:
    key = bearer_token(request.headers.get("authorization"))
    presented = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
    if not any(hmac.compare_digest(presented, known.lower()) for known in ingest_settings().API_KEY_HASHES):
        raise invalid_api_key()


def _scheme(endpoint: WebhookEndpoint) -> schemes.Scheme | None:
    try:
        return schemes.scheme_of(endpoint.auth, endpoint.auth_options)
    except schemes.InvalidOptions:
        raise invalid_api_key("This endpoint's authentication is not known here.") from None


def _secrets(endpoint: WebhookEndpoint) -> list[str]:
    """Those that may have signed a request now; an unreadable secret is no secret."""
    if endpoint.signing_secret is None:
        return []
    try:
        sealed = bytes(endpoint.signing_secret)
        return signing_secret.open_all(host.current().data_key(), endpoint.id, sealed, now=timezone.now())
    except Unsealable:
        return []


def _read_away(request: HttpRequest) -> None:
    """Read what is still coming, up to 2 MiB: a sender that is cut off while it sends may never see its answer."""
    left = 2 * MAX_BODY_BYTES
    with suppress(OSError):  # it has gone already
        while left > 0 and (chunk := request.read(min(left, 65_536))):
            left -= len(chunk)


def _raw_body(request: HttpRequest) -> bytes:
    try:
        declared = int(request.headers.get("content-length") or 0)
    except ValueError:
        declared = 0
    if declared > MAX_BODY_BYTES:
        raise payload_too_large(MAX_BODY_BYTES)
    try:
        return request.body
    except RequestDataTooBig:
        raise payload_too_large(MAX_BODY_BYTES) from None
    except UnreadablePostError:
        raise InvalidJson("The body was cut off.") from None


def _answer(taken: Ingested | Challenge) -> JsonResponse:
    if isinstance(taken, Challenge):
        return JsonResponse({"challenge": taken.asked})
    return JsonResponse(_accepted(taken), status=202)


def _accepted(stored: Ingested) -> dict[str, object]:
    answer: dict[str, object] = {"event_id": str(stored.event_id), "trace_id": stored.trace_id.hex}
    if stored.is_duplicate:
        answer["duplicate"] = True
    if stored.body_differs:
        answer["body_differs"] = True
    return answer
