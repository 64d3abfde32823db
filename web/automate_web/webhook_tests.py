"""The test sender: one request to an endpoint as its sender would make it, signed with its own secret, over HTTP.

It goes to the gateway as everything does that comes from outside; what it is answered is the gateway's own word. The
address is this installation's: nothing that anybody enters decides where it goes.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.utils import timezone

from automate.ingest import schemes, signing_secret
from automate.models import ExecutionRun, WebhookEndpoint
from automate_governance.errors import Conflict, Invalid, Unavailable
from automate_tenants import audit
from automate_tenants.context import current_tenant
from automate_tenants.key_store import data_key
from automate_web.addresses import hook_url

TIMEOUT_SECONDS = 10
MAX_PAYLOAD_BYTES = 1 << 20
HIDDEN = "********"


class NotSigned(Conflict):
    """The endpoint demands a signature, and its secret is not set."""

    code = "no_signing_secret"


@dataclass(frozen=True)
class Sent:
    """What went out and what came back."""

    url: str  # as the sender knows it
    headers: dict[str, str]  # an API key is hidden
    body: str
    status: int
    answer: dict[str, Any]  # the gateway's JSON
    answer_headers: dict[str, str]
    milliseconds: int

    @property
    def event_id(self) -> UUID | None:
        found = self.answer.get("event_id")
        return UUID(found) if isinstance(found, str) else None

    @property
    def trace_id(self) -> str:
        return str(self.answer.get("trace_id", ""))

    @property
    def run_ids(self) -> list[UUID]:
        """The event's runs that there are by now; workers may not have come to it yet."""
        if self.event_id is None:
            return []
        return list(
            ExecutionRun.objects.filter(event_id=self.event_id).order_by("pk").values_list("pk", flat=True)[:20]
        )

    @property
    def request_text(self) -> str:
        return "\n".join(["POST " + self.url, *(f"{name}: {value}" for name, value in self.headers.items())])

    @property
    def answer_text(self) -> str:
        return json.dumps(self.answer, indent=2, ensure_ascii=False)


def read_payload(text: str) -> Any:
    """The payload that a person typed. Raises Invalid."""
    if len(text.encode()) > MAX_PAYLOAD_BYTES:
        raise Invalid("The payload is larger than 1 MiB.", details={"param": "payload"})
    try:
        return json.loads(text)
    except ValueError as error:
        raise Invalid(f"This is not JSON: {error}", details={"param": "payload"}) from error


def send_test(endpoint: WebhookEndpoint, payload: Any, *, api_key: str, actor: str) -> Sent:
    """Sign `payload` as the endpoint demands and post it. Raises NotSigned, Unavailable; a refusal is an answer.

    `api_key` is what an endpoint that demands a key is shown.
    """
    raw = json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass")
    proof = _proof(endpoint, raw, api_key)
    headers = {"Content-Type": "application/json", "User-Agent": "Automate-Test-Sender/1", **proof}
    _record(endpoint, actor)
    started = time.monotonic()
    status, answer_headers, body = _post(f"{settings.INTERNAL_URL.rstrip('/')}/hooks/{endpoint.token}", raw, headers)
    return Sent(
        url=hook_url(endpoint.token),
        headers={name: f"Bearer {HIDDEN}" if name == "Authorization" else value for name, value in headers.items()},
        body=raw.decode("utf-8", "replace"),
        status=status,
        answer=_json(body),
        answer_headers=answer_headers,
        milliseconds=round((time.monotonic() - started) * 1000),
    )


def _proof(endpoint: WebhookEndpoint, raw: bytes, api_key: str) -> dict[str, str]:
    delivery = f"test_{uuid4().hex}"
    scheme = schemes.scheme_of(endpoint.auth, endpoint.auth_options)
    if scheme is None:
        key = {"Authorization": f"Bearer {api_key}"} if endpoint.auth == WebhookEndpoint.Auth.API_KEY else {}
        return {**key, "webhook-id": delivery}
    if endpoint.signing_secret is None:
        raise NotSigned("The endpoint has no signing secret yet, so nothing can be signed. Set it first.")
    sealed = bytes(endpoint.signing_secret)
    newest = signing_secret.open_all(data_key(current_tenant()), endpoint.pk, sealed, now=timezone.now())[0]
    return scheme.sign(secret=newest, raw=raw, delivery=delivery, now_seconds=time.time())


def _post(url: str, raw: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, data=raw, headers=dict(headers), method="POST")  # noqa: S310  our own gateway
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # straight there
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, dict(refusal.headers), refusal.read()
    except OSError as error:
        raise Unavailable("The gateway did not answer, so nothing was sent. Try again in a moment.") from error


def _record(endpoint: WebhookEndpoint, actor: str) -> None:
    audit.record(
        current_tenant(),
        actor=actor,
        action="endpoint.test",
        resource=f"endpoint:{endpoint.pk}",
        details={"slug": endpoint.slug},
        now=timezone.now(),
    )


def _json(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
