"""Routes and keys: what the gateway knows of a token or an API key, believed for at most two seconds.

A hash is the only way to find either. Known and unknown ones are remembered alike, so guessing costs the database
little; an entry in use is read again in the background once it is half its life old, so traffic never waits for it.
When the database is away and the memory is too old the answer is "try later", never "no such endpoint".
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg

from automate.ingest.refusal import StorageUnavailable, retry_later
from automate.ingest.schemes import InvalidOptions, Scheme, scheme_of
from automate_web.gateway.link import Link, LinkLost

T = TypeVar("T")


@dataclass(frozen=True)
class Route:
    """One endpoint, as far as accepting an event goes."""

    tenant_id: int
    schema_name: str
    endpoint_id: UUID
    source: str  # "webhook:<slug>", of the event
    auth: str
    scheme: Scheme | None  # how its senders sign; None: they do not, or in a way that is not known here
    signing_secret: bytes | None  # sealed
    event_type: str
    type_path: str
    dedupe_path: str
    is_tenant_active: bool
    masks_emails: bool  # its policy has e-mail addresses masked
    dedupe_source: str  # "webhook:<endpoint id>"


@dataclass(frozen=True)
class Key:
    """One valid API key."""

    id: int
    tenant_id: int
    scopes: frozenset[str]
    expires_at: datetime | None

    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T | None
    read_at: float
    refresh: asyncio.Task[None] | None = None


class Lookup(Generic[T]):
    """A bounded memory in front of `read`, least recently used out first; one read at a time for each hash."""

    def __init__(
        self,
        read: Callable[[bytes], Awaitable[T | None]],
        *,
        seconds: float,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._read = read
        self._clock = clock
        self._seconds = seconds
        self._limit = limit
        self._entries: OrderedDict[bytes, _Entry[T]] = OrderedDict()
        self._reading: dict[bytes, asyncio.Task[_Entry[T]]] = {}

    def known(self, hash_: bytes) -> tuple[bool, T | None]:
        """Whether memory can answer, and its answer, without waiting."""
        entry = self._entries.get(hash_)
        if entry is None:
            return False, None
        age = self._clock() - entry.read_at
        if age >= self._seconds:
            return False, None
        if age >= self._seconds / 2 and entry.value is not None and hash_ not in self._reading:
            self._start(hash_)
        return True, entry.value

    async def get(self, hash_: bytes) -> T | None:
        """The value, or None when there is none. Raises StorageUnavailable."""
        is_known, value = self.known(hash_)
        if is_known:
            return value
        task = self._reading.get(hash_) or self._start(hash_)
        try:
            return (await asyncio.shield(task)).value
        except (LinkLost, asyncpg.PostgresError):
            raise retry_later(StorageUnavailable, "The database is away. Repeat the request.", seconds=2) from None

    def _start(self, hash_: bytes) -> asyncio.Task[_Entry[T]]:
        task = asyncio.get_running_loop().create_task(self._load(hash_))
        self._reading[hash_] = task
        task.add_done_callback(lambda done: self._finish(hash_, done))
        return task

    async def _load(self, hash_: bytes) -> _Entry[T]:
        asked_at = self._clock()  # before the read: what is true then may change while the answer travels
        return _Entry(await self._read(hash_), asked_at)

    def _finish(self, hash_: bytes, task: asyncio.Task[_Entry[T]]) -> None:
        del self._reading[hash_]
        if task.cancelled() or task.exception() is not None:
            return
        self._entries[hash_] = task.result()
        self._entries.move_to_end(hash_)
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)


def sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def route_lookup(link: Link, *, seconds: float, limit: int) -> Lookup[Route]:
    async def read(token_hash: bytes) -> Route | None:
        rows = await link.run("find_route", token_hash)
        if not rows:
            return None
        row = dict(rows[0])
        scheme = _scheme(row["auth"], row.pop("auth_options"))
        return Route(**row, scheme=scheme, dedupe_source=f"webhook:{row['endpoint_id']}")

    return Lookup(read, seconds=seconds, limit=limit)


def _scheme(auth: str, options: str | None) -> Scheme | None:
    try:
        return scheme_of(auth, json.loads(options) if options else None)
    except InvalidOptions:  # written by a newer release
        return None


def key_lookup(link: Link, *, seconds: float, limit: int) -> Lookup[Key]:
    async def read(key_hash: bytes) -> Key | None:
        rows = await link.run("find_key", key_hash)
        if not rows:
            return None
        row = rows[0]
        return Key(row["id"], row["tenant_id"], frozenset(json.loads(row["scopes"])), row["expires_at"])

    return Lookup(read, seconds=seconds, limit=limit)
