"""Running the gateway under uvicorn: stops within seconds, and answers first what it has taken.

On SIGTERM or SIGINT it accepts no new connection, ends live streams, answers the requests under way (each after its
commit), rings once more and leaves.
"""

from __future__ import annotations

import socket

import uvicorn

from automate_web.gateway.app import Gateway

GRACE_SECONDS = 10  # for requests under way; what is longer is a download that the client can repeat
BACKLOG = 2048


class GatewayServer(uvicorn.Server):
    """uvicorn waits for open requests before it tells the application; live streams would keep it waiting."""

    def __init__(self, gateway: Gateway, config: uvicorn.Config):
        super().__init__(config)
        self._gateway = gateway

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._gateway.end_streams()
        await super().shutdown(sockets)


def serve(gateway: Gateway, *, host: str, port: int) -> None:
    """Serve until a signal says stop."""
    GatewayServer(
        gateway,
        uvicorn.Config(
            gateway,
            host=host,
            port=port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            interface="asgi3",
            proxy_headers=False,  # GatewayConfig.trusted_proxies decides whom to believe
            server_header=False,
            access_log=False,
            log_level="warning",
            log_config=None,  # the process has set its own: `automate_governance.logs`
            backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
    ).run()
