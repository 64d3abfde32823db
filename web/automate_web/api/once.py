"""The same request twice does its work once: `Idempotency-Key`.

The answer of a change is kept for 24 hours, in the transaction of the change, under the API key and the name the caller
gave. The same request again gets that answer; another request under the same name is refused. Only what succeeded is
kept: a refusal changed nothing, so asking again is safe and may succeed. Two at the same time: one works, the other is
told to come back. An answer that holds a secret (a new API key) is kept sealed with the workspace's key.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.response import Response

from automate import host
from automate.ingest.dedupe import IdempotencyKeyReused
from automate.models import KeptAnswer
from automate.outbox import sql
from automate_governance.crypto import Unsealable, open_sealed, seal
from automate_governance.errors import Conflict, Invalid
from automate_web.api.json import JsonRenderer

KEPT_FOR = timedelta(hours=24)
MAX_KEY_LENGTH = 255
HEADERS = ("Location", "ETag")  # of an answer: those that are part of it
SEALED = "sealed:"  # how a kept answer begins that is no JSON
View = Callable[..., HttpResponseBase]


class InProgress(Conflict):
    """The first request of this name is still being worked on."""

    code = "idempotency_in_progress"


def once(view: View, *, is_sealed: bool = False) -> View:
    """`view` (a method that changes something), done once for each `Idempotency-Key`; as it is without one.

    `is_sealed`: its answer holds a secret, so that it is kept encrypted.
    """

    @wraps(view)
    def inner(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = _key(request)
        if key is None or self.caller.is_test:  # a test key stores nothing, no answer either
            return view(self, request, *args, **kwargs)
        caller, asked = f"key:{request.auth.pk}", _fingerprint(request)
        with transaction.atomic():
            _alone(caller, key)
            kept = KeptAnswer.objects.filter(caller=caller, key=key).first()
            if kept is not None and kept.expires_at > timezone.now():
                return _again(kept, asked)
            answer = view(self, request, *args, **kwargs)
            if isinstance(answer, Response) and answer.status_code < 300:
                _keep(caller, key, asked, answer, is_sealed=is_sealed)
            return answer

    return inner


def _key(request: Request) -> str | None:
    """Raises Invalid for a name nobody could repeat reliably."""
    value = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if value is None:
        return None
    if not 1 <= len(value) <= MAX_KEY_LENGTH or not value.isascii() or not value.isprintable():
        message = f"Idempotency-Key: 1 to {MAX_KEY_LENGTH} printable ASCII characters, such as a UUID."
        raise Invalid(message, details={"param": "Idempotency-Key"})
    return str(value)


def _fingerprint(request: Request) -> bytes:
    """What was asked: where, of which revision, with which body (read as JSON: spaces and the order of keys are free).

    Keyed, because a body may hold a secret's value, and a plain digest of a short one can be guessed.
    """
    asked = [request.method, request.get_full_path(), request.META.get("HTTP_IF_MATCH", ""), request.data]
    try:
        text = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer beyond 64 bits
        text = repr(asked).encode()
    return salted_hmac("automate_web.api.once", text, secret=settings.SECRET_KEY, algorithm="sha256").digest()


def _alone(caller: str, key: str) -> None:
    """Until the transaction ends nobody else works under this name. Raises InProgress."""
    with connection.cursor() as cursor:
        cursor.execute(sql.load("try_alone"), {"name": f"kept_answer {caller} {key}"})
        (is_ours,) = cursor.fetchone()
    if not is_ours:
        raise InProgress(
            "The first request with this Idempotency-Key is still being worked on. Ask again.",
            headers={"Retry-After": "1"},
        )


def _again(kept: KeptAnswer, asked: bytes) -> HttpResponse:
    if bytes(kept.fingerprint) != asked:
        message = "This Idempotency-Key was used for another request. A new request needs a new key."
        raise IdempotencyKeyReused(message, details={"first_used_at": kept.created_at.isoformat()})
    headers = {**kept.headers, "Idempotent-Replayed": "true"}
    body = _opened(kept) if kept.body.startswith(SEALED) else kept.body
    return HttpResponse(body, status=kept.status, headers=headers, content_type="application/json")


def _opened(kept: KeptAnswer) -> bytes:
    sealed = b64decode(kept.body.removeprefix(SEALED))
    try:
        return open_sealed(host.current().data_key(), sealed, aad=_bound_to(kept.caller, kept.key))
    except Unsealable:
        raise Conflict("The answer to that request cannot be read any more. Ask under a new key.") from None


def _bound_to(caller: str, key: str) -> bytes:
    return f"automate.kept_answer\x1f{caller}\x1f{key}".encode()


def _keep(caller: str, key: str, asked: bytes, answer: Response, *, is_sealed: bool) -> None:
    now = timezone.now()
    body = JsonRenderer().render(answer.data)
    if is_sealed:
        sealed = seal(host.current().data_key(), body, aad=_bound_to(caller, key))
        body = SEALED.encode() + b64encode(sealed)
    kept = {
        "fingerprint": asked,
        "status": answer.status_code,
        "headers": {name: answer.headers[name] for name in HEADERS if name in answer.headers},
        "body": body.decode(),
        "created_at": now,
        "expires_at": now + KEPT_FOR,
    }
    KeptAnswer.objects.update_or_create(caller=caller, key=key, defaults=kept)
