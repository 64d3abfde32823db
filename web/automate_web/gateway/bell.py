"""Bell: after a commit, tell the workers which tenants have work. Rings that come while one is under way form the next.

A ring may be lost with this process; the sweep finds what it was for.
"""

from __future__ import annotations

import asyncio

import asyncpg

from automate_web.gateway.link import Link, LinkLost

RETRY_SECONDS = 0.5


class Bell:
    """One connection, one task while there is something to ring."""

    def __init__(self, link: Link):
        self._link = link
        self._tenants: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    def ring(self, tenants: set[int]) -> None:
        self._tenants |= tenants
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def finish(self) -> None:
        self._is_closing = True
        if self._task is not None:
            await asyncio.wait({self._task})
        await self._link.close()

    async def _run(self) -> None:
        try:
            while self._tenants:
                tenants, self._tenants = self._tenants, set()
                try:
                    await self._link.run("ring", sorted(tenants))
                except (LinkLost, asyncpg.PostgresError):
                    self._tenants |= tenants
                    if self._is_closing:
                        return
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._task = None
