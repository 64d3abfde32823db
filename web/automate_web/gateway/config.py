"""What the gateway must be told; `automate_platform` reads it from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class GatewayConfig:
    """Fixed for the life of the process."""

    database_url: str  # postgresql://, as automate_app
    live_secret: str = ""  # signs the tokens of /live/; empty: no live streams
    key_store_dir: Path | None = None  # opens signing secrets; None: endpoints that demand a signature refuse
    web: Path | str | None = None  # its socket, or http://host:port; None: everything that is not ours is 404
    trusted_proxies: int = 0  # how many proxies in front append to X-Forwarded-For; 0: the peer is the sender

    max_waiting_events: int = 10_000  # accepted for storing but not stored; above it senders are told to come back
    max_waiting_bytes: int = 256 * 1024 * 1024
    max_flush_events: int = 500  # one transaction
    max_flush_bytes: int = 4 * 1024 * 1024
    route_seconds: float = 2.0  # how long a route or a key is believed; a revoked key works no longer than this
    max_routes: int = 20_000  # kept in memory, of each kind
    max_refused_per_minute: int = 600  # of one public address, in this process; then it is refused unheard
    body_seconds: float = 30.0  # for a whole body to arrive
    max_live_streams: int = 2_000
