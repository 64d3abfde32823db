"""OAuth 2 access tokens by client credentials (RFC 6749, 4.4), kept in memory until shortly before they end.

A token belongs to its owner (a tenant's pool key), token URL, client, secret, scopes and audience: the key is a hash of
them all, so who does not know the secret never gets the token. Losing the memory costs one more call.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from automate_connectors.inputs import invalid
from automate_connectors.models import ConnectorError
from automate_connectors.web import Call, retry_after_seconds
from automate_connectors.web.failures import REFUSED_UNDONE, TRANSIENT
from automate_connectors.web.reply import json_object
from automate_governance.clock import Clock
from automate_governance.egress import Reply

MAX_TOKENS = 1024
MARGIN_SECONDS = 30.0  # a token is not used in its last moments
UNSTATED_SECONDS = 300.0  # how long one is kept whose end the server does not name
MAX_TOKEN_REPLY_BYTES = 65_536


@dataclass(frozen=True)
class TokenRequest:
    """Whose token, from where, for what."""

    owner: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    audience: str = ""
    client_auth: str = "basic"  # or "body": where the client's credentials stand

    @classmethod
    def read(cls, fields: Mapping[str, Any], *, owner: str) -> TokenRequest:
        scopes = fields.get("scopes", [])
        given = scopes.split() if isinstance(scopes, str) else scopes
        if not isinstance(given, (list, tuple)) or not all(isinstance(scope, str) for scope in given):
            raise invalid("`auth.scopes` is a list of texts.")
        client_auth = fields.get("client_auth", "basic")
        if client_auth not in ("basic", "body"):
            raise invalid("`auth.client_auth` is one of basic, body.")
        return cls(
            owner, fields["token_url"], fields["client_id"], fields["client_secret"], tuple(sorted(given)),
            str(fields.get("audience") or ""), client_auth,
        )  # fmt: skip

    @property
    def key(self) -> str:
        parts = (self.owner, self.token_url, self.client_id, self.client_secret, " ".join(self.scopes), self.audience)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


class TokenCache:
    """At most MAX_TOKENS; the one used longest ago makes room."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self._now = now
        self._lock = threading.Lock()
        self._tokens: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def get(self, request: TokenRequest) -> str | None:
        with self._lock:
            token, ends = self._tokens.get(request.key, ("", 0.0))
            if not token or ends <= self._now():
                self._tokens.pop(request.key, None)
                return None
            self._tokens.move_to_end(request.key)
            return token

    def put(self, request: TokenRequest, token: str, seconds: float) -> None:
        if seconds <= MARGIN_SECONDS:
            return
        with self._lock:
            self._tokens[request.key] = (token, self._now() + seconds - MARGIN_SECONDS)
            self._tokens.move_to_end(request.key)
            if len(self._tokens) > MAX_TOKENS:
                self._tokens.popitem(last=False)

    def forget(self, request: TokenRequest) -> bool:
        """Drop it; whether there was one."""
        with self._lock:
            return self._tokens.pop(request.key, None) is not None


TOKENS = TokenCache()


def fetch_token(request: TokenRequest, clock: Clock) -> Generator[Call, Reply, str]:
    """Ask for a token and keep it. Raises ConnectorError; the step's own request has not been sent then."""
    form = {"grant_type": "client_credentials"}
    if request.scopes:
        form["scope"] = " ".join(request.scopes)
    if request.audience:
        form["audience"] = request.audience
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if request.client_auth == "basic":  # RFC 6749, 2.3.1: each part is form-encoded first
        pair = f"{quote(request.client_id, safe='')}:{quote(request.client_secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": request.client_id, "client_secret": request.client_secret}
    reply = yield Call(
        "POST", request.token_url, True, headers, urlencode(form).encode(), max_body_bytes=MAX_TOKEN_REPLY_BYTES
    )
    answer = json_object(reply)
    token = answer.get("access_token")
    if reply.status == 200 and isinstance(token, str) and token:
        TOKENS.put(request, token, _lifetime(answer))
        return token
    raise _no_token(reply, answer, clock)


def _lifetime(answer: Mapping[str, Any]) -> float:
    try:
        return float(answer.get("expires_in", UNSTATED_SECONDS))
    except (TypeError, ValueError):
        return UNSTATED_SECONDS


def _no_token(reply: Reply, answer: Mapping[str, Any], clock: Clock) -> ConnectorError:
    """Only the error's code is repeated: servers echo what they were sent in their descriptions."""
    said = answer.get("error")
    reason = said if isinstance(said, str) and said.isprintable() and len(said) < 60 else "no token"
    return ConnectorError(
        f"The token server answered {reply.status} ({reason}).",
        retryable=reply.status in REFUSED_UNDONE | TRANSIENT,
        code="oauth2_no_token",
        retry_after=retry_after_seconds(reply.header("retry-after"), clock),
        details={"status": reply.status, "error": reason},
    )
