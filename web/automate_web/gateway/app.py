"""The ASGI application: which part of the gateway answers which path, and the life of its connections."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs

from automate_governance.errors import NormalizedError, NotFound
from automate_web.gateway import echo
from automate_web.gateway.auditor import Auditor
from automate_web.gateway.bell import Bell
from automate_web.gateway.changes import Changes
from automate_web.gateway.commit import GroupCommit
from automate_web.gateway.config import GatewayConfig
from automate_web.gateway.denials import Denials, Sources
from automate_web.gateway.hooks import Hooks
from automate_web.gateway.http import Disconnected, Receive, Request, Response, Scope, Send, error_response
from automate_web.gateway.lane import FlushLimits
from automate_web.gateway.ledger import Ledger
from automate_web.gateway.link import Link
from automate_web.gateway.live import Live
from automate_web.gateway.proxy import Proxy
from automate_web.gateway.readiness import readiness
from automate_web.gateway.routes import key_lookup, route_lookup
from automate_web.gateway.secrets import SigningSecrets
from automate_web.gateway.trials import TRIALS_PER_MINUTE, Trials

log = logging.getLogger("automate.gateway")


class Gateway:
    """One process's gateway; its parts are made when the server starts it."""

    def __init__(self, config: GatewayConfig):
        self._config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._serve(receive, send)
        elif scope["type"] == "http":
            await self._answer(Request(scope, receive, self._config.trusted_proxies), send)

    async def _answer(self, request: Request, send: Send) -> None:
        try:
            response = await self._respond(request, send)
        except Disconnected:
            return
        except NormalizedError as error:
            response = error_response(error, request.trace_id)
        except Exception:
            log.exception("unforeseen", extra={"trace_id": request.trace_id})
            if request.is_answering:
                return  # the server closes the connection: a cut answer must not look whole
            response = error_response(NormalizedError("Something failed here. Repeat the request."), request.trace_id)
        if response is not None:
            await response.send(send, trace_id=request.trace_id, head_only=request.method == "HEAD")

    async def _respond(self, request: Request, send: Send) -> Response | None:
        """The answer, or None when it was streamed."""
        path = request.path
        if path.startswith("/hooks/"):
            return await self._hooks.answer(request)
        if path in {"/live/", "/live"}:
            await self._live.answer(request, send)
            return None
        if path == "/echo":
            return await echo.answer(request)
        if path == "/healthz":
            return Response(200, b'{"status":"ok"}')
        if path == "/readyz":
            return await readiness(self._lookups, self._proxy, part=_part(request))
        if self._proxy is None:
            raise NotFound("Nothing is here.")
        await self._proxy.answer(request, send)
        return None

    async def _serve(self, receive: Receive, send: Send) -> None:
        """The server's life: parts are made before the first request and finished after the last."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._finish()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _start(self) -> None:
        config = self._config
        self._lookups = self._link("routes")
        self._bell = Bell(self._link("bell"))
        self._changes = Changes(self._link("live"))
        self._auditor = Auditor(self._link("audit"))
        self._ledger = Ledger(self._link("ledger"), on_written=self._changes.hint, on_opened=self._auditor.wake)
        denials = Denials(seconds=config.route_seconds, limit=config.max_routes)
        self._commit = GroupCommit(
            lambda: self._link("commit"),
            on_stored=self._on_stored,
            on_denied=denials.note,
            limits=FlushLimits(config.max_flush_events, config.max_flush_bytes),
            max_waiting_events=config.max_waiting_events,
            max_waiting_bytes=config.max_waiting_bytes,
        )
        self._hooks = Hooks(
            routes=route_lookup(self._lookups, seconds=config.route_seconds, limit=config.max_routes),
            keys=key_lookup(self._lookups, seconds=config.route_seconds, limit=config.max_routes),
            secrets=SigningSecrets(config.key_store_dir),
            commit=self._commit,
            ledger=self._ledger,
            denials=denials,
            trials=Trials(per_minute=TRIALS_PER_MINUTE),
            sources=Sources(per_minute=config.max_refused_per_minute, limit=config.max_routes),
            body_seconds=config.body_seconds,
        )
        self._live = Live(self._changes, secret=config.live_secret, max_streams=config.max_live_streams)
        self._proxy = Proxy(config.web, trusted_proxies=config.trusted_proxies) if config.web is not None else None

    def _link(self, name: str) -> Link:
        return Link(self._config.database_url, name=name)

    def _on_stored(self, tenants: set[int]) -> None:
        self._bell.ring(tenants)
        self._changes.hint(tenants)

    async def end_streams(self) -> None:
        """End what would never end by itself; called when the server begins to stop."""
        await self._live.finish()

    async def _finish(self) -> None:
        await self._live.finish()
        await self._commit.finish()
        await self._bell.finish()
        await self._ledger.finish()
        await self._auditor.finish()
        await self._changes.finish()
        await self._lookups.close()
        if self._proxy is not None:
            await self._proxy.close()


def _part(request: Request) -> str | None:
    given = parse_qs(request.scope["query_string"].decode("latin-1")).get("part")
    return given[0] if given else None


def create_app(config: GatewayConfig) -> Gateway:
    """The ASGI application for one process."""
    return Gateway(config)
