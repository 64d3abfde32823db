"""Where an archive lies until it expires: in parts of a megabyte, each sealed with the workspace's key.

In the database, because that is all that a worker and a web process share; sealed, so that a deleted workspace's
archives are unreadable in every backup.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from hashlib import sha256
from uuid import UUID

from automate_governance.crypto import open_sealed, seal
from automate_tenants.models import ExportChunk

CHUNK_BYTES = 1 << 20


class ChunkWriter(io.RawIOBase):
    """A file to write to: never more than one part is in memory. `progress` is called after each part is stored."""

    def __init__(self, export_id: UUID, key: bytes, progress: Callable[[], None] = lambda: None):
        self._export_id, self._key, self._progress = export_id, key, progress
        self._waiting = bytearray()
        self._hash = sha256()
        self._count = 0
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile sends bytes
        self._waiting += data
        self._hash.update(data)
        self.size += len(data)
        while len(self._waiting) >= CHUNK_BYTES:
            self._store(bytes(self._waiting[:CHUNK_BYTES]))
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def finish(self) -> str:
        """Store the rest; the SHA-256 of all, in hex."""
        if self._waiting:
            self._store(bytes(self._waiting))
            self._waiting.clear()
        return self._hash.hexdigest()

    def _store(self, part: bytes) -> None:
        sealed = seal(self._key, part, aad=_aad(self._export_id, self._count))
        ExportChunk.objects.create(export_id=self._export_id, number=self._count, sealed=sealed)
        self._count += 1
        self._progress()


def read(export_id: UUID, key: bytes) -> Iterator[bytes]:
    """The parts of an archive in their order, opened one by one. Raises Unsealable for parts that were changed."""
    number = 0
    while True:
        found = ExportChunk.objects.filter(export_id=export_id, number=number).values_list("sealed", flat=True).first()
        if found is None:
            return
        yield open_sealed(key, bytes(found), aad=_aad(export_id, number))
        number += 1


def _aad(export_id: UUID, number: int) -> bytes:
    return f"export\x1f{export_id}\x1f{number}".encode()
