"""A reply, read whole and bounded: what is decoded is counted, so a small bomb does not become a large body."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from automate_governance.egress.errors import BadReply, ReplyTooLarge

MAX_BODY_BYTES = 5 * 1024 * 1024  # decoded; promise "egress"
MAX_HEAD_BYTES = 65_536
ACCEPT_ENCODING = "gzip, deflate"
_AUTO_GZIP, _RAW_DEFLATE = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS


@dataclass(frozen=True)
class Reply:
    """`headers`: lower-case names in order, repeated ones as often as they came. `body`: decoded bytes."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    elapsed_ms: float

    def header(self, name: str, default: str = "") -> str:
        """The first header called `name` (lower-case)."""
        return next((value for known, value in self.headers if known == name), default)


class BodyReader:
    """Collects a body's chunks, decoding as they come. Raises ReplyTooLarge, BadReply."""

    def __init__(self, content_encoding: str, *, limit_bytes: int = MAX_BODY_BYTES):
        self._encoding = content_encoding.strip().lower()
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise BadReply("The reply came in an encoding that was not asked for.")
        self._limit = limit_bytes
        self._body = bytearray()
        self._decoder: zlib._Decompress | None = None
        self._is_done = False  # between two members of a gzip file

    def feed(self, chunk: bytes) -> None:
        if self._encoding in ("", "identity"):
            self._append(chunk)
            return
        try:
            self._decode(chunk)
        except zlib.error:
            raise BadReply("The reply's body cannot be decompressed.") from None

    def so_far(self) -> bytearray:
        """What is decoded by now; it grows with the next chunk."""
        return self._body

    def finish(self) -> bytes:
        if self._decoder is not None and not self._is_done:
            raise BadReply("The reply's compressed body ends too early.")
        return bytes(self._body)

    def _decode(self, chunk: bytes) -> None:
        while chunk:
            if self._decoder is None or self._is_done:
                if self._is_done and not chunk.strip(b"\0"):
                    return  # padding after the last member
                self._decoder, self._is_done = zlib.decompressobj(self._window_bits(chunk)), False
            self._append(self._decoder.decompress(chunk, self._limit + 1 - len(self._body)))
            self._is_done = self._decoder.eof
            chunk = self._decoder.unused_data if self._is_done else self._decoder.unconsumed_tail

    def _window_bits(self, chunk: bytes) -> int:
        """`deflate` means zlib, but some servers send it without the zlib head (RFC 9110, 8.4.1.2)."""
        is_raw = self._encoding == "deflate" and chunk[0] & 0x0F != 8
        return _RAW_DEFLATE if is_raw else _AUTO_GZIP

    def _append(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self._limit:
            raise ReplyTooLarge(f"The reply is larger than {self._limit} bytes.", details={"limit_bytes": self._limit})
