"""`POST /hooks/<token>`: from a request to a stored event, or a refusal that says the fix.

The order matters: the endpoint by its full token, rates known to be used up, who sends, then the body's meaning.
Nothing is parsed for a sender that proved nothing, and the 202 follows the commit.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import UUID

import orjson

from automate.ids import dedupe_id, new_id
from automate.ingest import schemes
from automate.ingest.body import Body, read_body
from automate.ingest.dedupe import body_hash, dedupe_key, event_type
from automate.ingest.headers import kept_headers
from automate.ingest.refusal import (
    EndpointNotFound,
    ForbiddenScope,
    MethodNotAllowed,
    PayloadTooLarge,
    Refusal,
)
from automate.ingest.verify import bearer_token, invalid_api_key
from automate_governance.redaction.current import masking_emails
from automate_tenants.key_format import TEST_PREFIX, is_well_formed, key_hash
from automate_web.gateway.commit import GroupCommit
from automate_web.gateway.denials import Denials, Sources
from automate_web.gateway.http import Request, Response, error_response
from automate_web.gateway.ledger import Ledger
from automate_web.gateway.routes import Key, Lookup, Route, sha256
from automate_web.gateway.secrets import SigningSecrets
from automate_web.gateway.trials import Trials
from automate_web.gateway.waiting import NewEvent, Stored, workspace_suspended

SCOPE = "events:write"
MAX_TOKEN_CHARACTERS = 200


class Hooks:
    """The webhook path of one gateway."""

    def __init__(
        self,
        *,
        routes: Lookup[Route],
        keys: Lookup[Key],
        secrets: SigningSecrets,
        commit: GroupCommit,
        ledger: Ledger,
        denials: Denials,
        sources: Sources,
        trials: Trials,
        body_seconds: float,
    ):
        self._routes = routes
        self._keys = keys
        self._secrets = secrets
        self._commit = commit
        self._ledger = ledger
        self._denials = denials
        self._sources = sources
        self._trials = trials
        self._body_seconds = body_seconds

    async def answer(self, request: Request) -> Response:
        """The answer to any request below /hooks/."""
        route: Route | None = None
        try:
            self._sources.check(request.ip)
            route = await self._route(request.path.removeprefix("/hooks/").rstrip("/"))
            if request.method != "POST":
                raise MethodNotAllowed("Send events with POST.", headers={"Allow": "POST"})
            with masking_emails(route.masks_emails):
                answer = await self._accept(request, route)
        except Refusal as refusal:
            if refusal.http_status < 429:  # the sender's own mistake
                self._sources.refused(request.ip)
            if route is not None:
                self._ledger.refused(route, refusal, request)
            if isinstance(refusal, PayloadTooLarge):
                await request.read_away()
            return error_response(refusal, request.trace_id)
        return answer

    async def _route(self, token: str) -> Route:
        route = await self._routes.get(sha256(token)) if 0 < len(token) <= MAX_TOKEN_CHARACTERS else None
        if route is None:
            raise EndpointNotFound("No endpoint has this URL. Copy it again from the portal.")
        return route

    async def _accept(self, request: Request, route: Route) -> Response:
        if not route.is_tenant_active:
            raise workspace_suspended()
        self._denials.check(route.tenant_id, route.endpoint_id)
        fields = request.fields
        is_test = TEST_PREFIX in fields.get("authorization", "")  # whatever is wrong with it, it is never live
        if route.auth == "api_key" or is_test:
            key = await self._check_key(request, route)
            if is_test:
                self._trials.admit(key.id)
        raw = await request.body(seconds=self._body_seconds)
        if route.scheme is not None:
            secrets = self._secrets.of(route)
            route.scheme.verify(secrets=secrets, headers=fields, raw=raw, now_seconds=time.time())
        elif route.auth not in {"api_key", "none"}:
            raise invalid_api_key("This endpoint's authentication is not known here.")
        body = read_body(raw, fields.get("content-type"), fields.get("content-encoding"))
        if (asked := schemes.challenge(route.auth, body.value)) is not None:
            self._ledger.challenged(route, request)
            return Response(200, orjson.dumps({"challenge": asked}))
        event = new_event(request, route, raw, body)
        if is_test:  # every check is passed; nothing is stored
            self._ledger.tried(route, request)
            return accepted(Stored(event.event_id, event.trace_id), is_test=True)
        stored = await self._commit.put(event)
        self._ledger.taken(route, request, stored)
        return accepted(stored)

    async def _check_key(self, request: Request, route: Route) -> Key:
        plain = bearer_token(request.fields.get("authorization"))
        key = await self._keys.get(key_hash(plain)) if is_well_formed(plain) else None  # a mistyped key costs no query
        if key is None or key.tenant_id != route.tenant_id or key.is_expired():
            raise invalid_api_key()
        if SCOPE not in key.scopes:
            raise ForbiddenScope(f"This API key lacks the scope {SCOPE}. Use another.", details={"scope": SCOPE})
        self._ledger.used(key.id, request.ip)
        return key


def new_event(request: Request, route: Route, raw: bytes, body: Body) -> NewEvent:
    """The event that a verified request stands for. Raises a Refusal."""
    fields = request.fields
    key = dedupe_key(
        text=body.text,
        value=body.value,
        dedupe_path=route.dedupe_path,
        webhook_id=schemes.delivery_id(route.scheme, fields),
        idempotency_key=fields.get("idempotency-key"),
    )
    return NewEvent(
        tenant_id=route.tenant_id,
        event_id=new_id(),
        trace_id=UUID(hex=request.trace_id),
        type=event_type(body.value, type_path=route.type_path, default=route.event_type),
        source=route.source,
        payload=body.text,
        headers=orjson.dumps(kept_headers(fields.items())).decode(),
        received_at=datetime.now(UTC),
        body_hash=body_hash(raw),
        dedupe_id=dedupe_id(route.dedupe_source, key) if key is not None else None,
        dedupe_source=route.dedupe_source if key is not None else None,
        dedupe_key=key,
        endpoint_id=route.endpoint_id,
    )


def accepted(stored: Stored, *, is_test: bool = False) -> Response:
    """202 with the event's ids; a repeat gets the first event's, a test ids that no event has."""
    answer: dict[str, object] = {"event_id": str(stored.event_id), "trace_id": stored.trace_id.hex}
    if stored.is_duplicate:
        answer["duplicate"] = True
    if stored.body_differs:
        answer["body_differs"] = True
    if is_test:
        answer["test"] = True
    return Response(202, orjson.dumps(answer))
