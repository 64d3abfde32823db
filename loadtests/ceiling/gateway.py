"""The ceiling's gateway: parse, queue, commit whatever came meanwhile, answer.

usage: CEILING_DATABASE=postgresql://... uvicorn loadtests.ceiling.gateway:app
"""

from __future__ import annotations

import asyncio
import os
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from automate.ids import new_id

_STORE = """WITH stored AS (
  INSERT INTO ceiling.event (id, payload)
  SELECT i, p::jsonb FROM unnest($1::uuid[], $2::text[]) u(i, p) RETURNING id)
INSERT INTO ceiling.job (event_id) SELECT id FROM stored"""


class Commit:
    """Group commit without a timer."""

    def __init__(self) -> None:
        self._waiting: list[tuple[UUID, str, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._store: Any = None

    async def put(self, event_id: UUID, payload: str) -> None:
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((event_id, payload, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await answer

    async def _run(self) -> None:
        if self._store is None:
            connection = await asyncpg.connect(os.environ["CEILING_DATABASE"])
            self._store = await connection.prepare(_STORE)
        while self._waiting:
            batch, self._waiting = self._waiting[:500], self._waiting[500:]
            await self._store.fetch([event_id for event_id, _, _ in batch], [payload for _, payload, _ in batch])
            for _, _, answer in batch:
                answer.set_result(None)
        self._task = None


commit = Commit()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    raw, more = b"", True
    while more:
        message = await receive()
        raw += message.get("body", b"")
        more = message.get("more_body", False)
    orjson.loads(raw)
    event_id = new_id()
    await commit.put(event_id, raw.decode())
    text = b'{"event_id":"%s"}' % str(event_id).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": text})
