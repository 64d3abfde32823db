"""The ceiling's worker: claim a hundred, post each to the sink, write them in one transaction; three in flight.

usage: CEILING_DATABASE=postgresql://... CEILING_SINK=http://127.0.0.1:9099/ python -m loadtests.ceiling.worker
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import aiohttp
import asyncpg
import orjson
import uvloop

from automate.ids import derived_id

BATCH, IN_FLIGHT, IDLE_SECONDS = 100, 3, 0.004
_CLAIM = """WITH due AS (
  SELECT id FROM ceiling.job WHERE status = 'PENDING' AND available_at <= now() ORDER BY available_at, id LIMIT $1
  FOR UPDATE SKIP LOCKED),
taken AS (
  UPDATE ceiling.job j SET status = 'CLAIMED', lease_expires_at = now() + interval '30 s' FROM due WHERE j.id = due.id
  RETURNING j.id, j.event_id)
SELECT t.id, e.id AS event_id, e.payload FROM taken t JOIN ceiling.event e ON e.id = t.event_id"""
_RUNS = """INSERT INTO ceiling.run SELECT r, e, 'succeeded', o::jsonb, now()
  FROM unnest($1::uuid[], $2::uuid[], $3::text[]) u(r, e, o)"""
_STEPS = """INSERT INTO ceiling.step SELECT gen_random_uuid(), r, 'succeeded', i::jsonb, o::jsonb
  FROM unnest($1::uuid[], $2::text[], $3::text[]) u(r, i, o)"""
_DONE = "UPDATE ceiling.job SET status = 'COMPLETED', lease_expires_at = NULL WHERE id = ANY ($1::bigint[])"


async def carry_out(session: aiohttp.ClientSession, job: Any) -> tuple[Any, Any, str, str] | None:
    payload = orjson.loads(job["payload"])
    if payload["amount"] <= 100:
        return None
    run_id = derived_id(job["event_id"], "run")
    sent = orjson.dumps({"seq": payload["seq"], "amount": payload["amount"], "email": payload["customer"]["email"]})
    headers = {"Content-Type": "application/json", "Idempotency-Key": run_id.hex}
    async with session.post(os.environ["CEILING_SINK"], data=sent, headers=headers) as answer:
        output = orjson.dumps({"status": answer.status, "body": orjson.loads(await answer.read())})
    return run_id, job["event_id"], sent.decode(), output.decode()


async def batches(pool: Any, session: aiohttp.ClientSession) -> None:
    while True:
        async with pool.acquire() as connection:
            jobs = await connection.fetch(_CLAIM, BATCH)
        if not jobs:
            await asyncio.sleep(IDLE_SECONDS)
            continue
        done = [one for one in await asyncio.gather(*(carry_out(session, job) for job in jobs)) if one]
        runs, events, inputs, outputs = (list(column) for column in zip(*done, strict=True))
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(_RUNS, runs, events, outputs)
            await connection.execute(_STEPS, runs, inputs, outputs)
            await connection.execute(_DONE, [job["id"] for job in jobs])


async def main() -> None:
    pool = await asyncpg.create_pool(os.environ["CEILING_DATABASE"], min_size=IN_FLIGHT, max_size=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        await asyncio.gather(*(batches(pool, session) for _ in range(IN_FLIGHT)))


if __name__ == "__main__":
    uvloop.run(main())
