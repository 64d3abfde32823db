"""Auditor: writes what is due about refusal episodes into the tenants' audit logs.

It looks when an episode has opened here, and every 15 s for those that are over, whichever process saw them begin. It
has a connection of its own: a schema that is slow to take its entry delays no refused request's way to the portal.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import asyncpg

from automate.ids import new_id
from automate_web.gateway.link import Link, LinkLost

LOOK_SECONDS = 15.0
AT_ONCE = 10  # episodes in one transaction; each may wait 50 ms for a lock


class Auditor:
    """One task; `wake` from the event loop."""

    def __init__(self, link: Link):
        self._link = link
        self._woken = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def wake(self) -> None:
        """An episode has opened: tell of it now."""
        self._woken.set()

    async def finish(self) -> None:
        """Stop; what is due stays due, for another process or the next one."""
        self._task.cancel()
        await asyncio.wait({self._task})
        await self._link.close()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await audit(self._link, now=datetime.now(UTC))
            except (LinkLost, asyncpg.PostgresError):
                pass  # what is due stays due
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue


async def audit(link: Link, *, now: datetime) -> None:
    """Write the audit entries that are due. One look at one small table when there are none."""
    looked = AT_ONCE
    while looked == AT_ONCE:  # each look puts off what it looked at beyond `now`
        [row] = await link.run("audit_refusals", now, [new_id() for _ in range(2 * AT_ONCE)])
        looked = row["looked"]
