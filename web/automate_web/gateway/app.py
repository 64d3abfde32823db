"""The ASGI application: which part of the gateway answers which path, and the life of its connections."""

from __future__ import annotations

import logging

from automate_governance.errors import NormalizedError, NotFound
from automate_web.gateway.bell import Bell
from automate_web.gateway.commit import FlushLimits, GroupCommit
from automate_web.gateway.config import GatewayConfig
from automate_web.gateway.hooks import Hooks
from automate_web.gateway.http import Disconnected, Receive, Request, Response, Scope, Send, error_response
from automate_web.gateway.link import Link
from automate_web.gateway.routes import key_lookup, route_lookup
from automate_web.gateway.secrets import SigningSecrets

log = logging.getLogger("automate.gateway")


class Gateway:
    """One process's gateway; its parts are made when the server starts it."""

    def __init__(self, config: GatewayConfig):
        self._config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(Request(scope, receive, self._config.trusted_proxies), send)

    async def _answer(self, request: Request, send: Send) -> None:
        try:
            response = await self._respond(request)
        except Disconnected:
            return
        except NormalizedError as error:
            response = error_response(error, request.trace_id)
        except Exception:
            log.exception("unforeseen, trace_id=%s", request.trace_id)
            response = error_response(NormalizedError("Something failed here. Repeat the request."), request.trace_id)
        await response.send(send, trace_id=request.trace_id, head_only=request.method == "HEAD")

    async def _respond(self, request: Request) -> Response:
        path = request.path
        if path.startswith("/hooks/"):
            return await self._hooks.answer(request)
        if path == "/healthz":
            return Response(200, b'{"status":"ok"}')
        raise NotFound("Nothing is here.")

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.finish()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def start(self) -> None:
        config = self._config
        self._lookups = Link(config.database_url, name="routes")
        self._bell = Bell(Link(config.database_url, name="bell"))
        self._commit = GroupCommit(
            lambda: Link(config.database_url, name="commit"),
            on_stored=self._bell.ring,
            limits=FlushLimits(config.max_flush_events, config.max_flush_bytes),
            max_waiting_events=config.max_waiting_events,
            max_waiting_bytes=config.max_waiting_bytes,
        )
        self._hooks = Hooks(
            routes=route_lookup(self._lookups, seconds=config.route_seconds, limit=config.max_routes),
            keys=key_lookup(self._lookups, seconds=config.route_seconds, limit=config.max_routes),
            secrets=SigningSecrets(config.key_store_dir),
            commit=self._commit,
            body_seconds=config.body_seconds,
        )

    async def finish(self) -> None:
        await self._commit.finish()
        await self._bell.finish()
        await self._lookups.close()


def create_app(config: GatewayConfig) -> Gateway:
    """The ASGI application for one process."""
    return Gateway(config)
