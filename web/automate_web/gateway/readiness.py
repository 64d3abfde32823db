"""`/readyz`: whether this process can do all of its work now: the database answers, and so does web.

`/healthz` says that the process lives; who restarts processes asks that one. Who sends traffic asks this one.
`/readyz?part=database` asks for one part alone: a load balancer that took every gateway away because web restarts
would refuse events which could have been stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import orjson

from automate_governance.errors import NotFound
from automate_web.gateway.http import Response
from automate_web.gateway.link import Link, LinkLost
from automate_web.gateway.proxy import Proxy

SECONDS = 2.0  # a part that takes longer is not ready


async def readiness(link: Link, proxy: Proxy | None, *, part: str | None = None) -> Response:
    """200 `{"status": "ready", "database": true, "web": true}`; 503 with `"not_ready"` while a part is missing.

    `web` is left out where this gateway has none behind it. Raises NotFound for a `part` that it does not have.
    """
    checks: dict[str, Callable[[], Awaitable[bool]]] = {"database": lambda: _database(link)}
    if proxy is not None:
        checks["web"] = proxy.is_up
    if part is not None:
        if part not in checks:
            raise NotFound(f"There is no such part here: {', '.join(checks)}.")
        checks = {part: checks[part]}
    answers = await asyncio.gather(*(_within(check()) for check in checks.values()))
    found = dict(zip(checks, answers, strict=True))
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
