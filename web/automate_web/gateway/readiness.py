"""`/readyz`: whether this process can do all of its work now: the database answers, and so does web.

`/healthz` says that the process lives; who restarts processes asks that one. Who sends traffic asks this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import asyncpg
import orjson

from automate_web.gateway.http import Response
from automate_web.gateway.link import Link, LinkLost
from automate_web.gateway.proxy import Proxy

SECONDS = 2.0  # a part that takes longer is not ready


async def readiness(link: Link, proxy: Proxy | None) -> Response:
    """200 `{"status": "ready", "database": true, "web": true}`; 503 with `"not_ready"` while a part is missing.

    `web` is left out where this gateway has none behind it.
    """
    parts = {"database": _within(_database(link))}
    if proxy is not None:
        parts["web"] = _within(proxy.is_up())
    found = dict(zip(parts, await asyncio.gather(*parts.values()), strict=True))
    is_ready = all(found.values())
    body = orjson.dumps({"status": "ready" if is_ready else "not_ready", **found})
    return Response(200 if is_ready else 503, body)


async def _database(link: Link) -> bool:
    try:
        await link.run("ready")
    except (LinkLost, asyncpg.PostgresError):
        return False
    return True


async def _within(part: Awaitable[bool]) -> bool:
    try:
        async with asyncio.timeout(SECONDS):
            return await part
    except TimeoutError:
        return False
