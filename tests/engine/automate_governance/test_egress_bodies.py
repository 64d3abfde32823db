"""What a reply may hold: the cap on decoded bytes, and the encodings that are read."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from automate_governance.egress import (
    BadReply,
    ReplyTooLarge,
)
from automate_governance.egress.reply import MAX_BODY_BYTES

from .loopback import exchange, replying, writing


def gzipped_zeros(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(mebibytes)) + packer.flush()


def test_a_gzip_bomb_is_stopped_at_the_cap_without_being_unpacked():
    bomb = gzipped_zeros(256)
    tracemalloc.start()
    try:
        with pytest.raises(ReplyTooLarge) as raised:
            exchange(replying(bomb, headers="Content-Encoding: gzip\r\n"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert raised.value.details == {"limit_bytes": MAX_BODY_BYTES, "status": 200}
    assert peak < 6 * MAX_BODY_BYTES


@pytest.mark.parametrize("size", [MAX_BODY_BYTES - 1, MAX_BODY_BYTES])
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_body_up_to_the_cap_is_read(size, encoding):
    body = b"x" * size
    sent = gzip.compress(body, 1) if encoding else body

    assert exchange(replying(sent, headers=f"Content-Encoding: {encoding}\r\n" if encoding else "")).body == body


def test_a_body_over_the_cap_is_not_read_to_its_end():
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 6

    with pytest.raises(ReplyTooLarge):
        exchange(replying(b"x" * (MAX_BODY_BYTES + 1)))
    with pytest.raises(ReplyTooLarge):
        exchange(writing(endless))


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("gzip", gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0)),
        ("gzip", gzip.compress(b"hello", mtime=0) + bytes(10)),
        ("x-gzip", gzip.compress(b"hello", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", raw_deflate(b"hello")),
        ("identity", b"hello"),
    ],
)
def test_encodings_that_were_asked_for_are_read(encoding, sent):
    assert exchange(replying(sent, headers=f"Content-Encoding: {encoding}\r\n")).body == b"hello"


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("br", b"hello"),
        ("zstd", b"hello"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"hello", mtime=0), mtime=0)),
        ("gzip", b"hello"),
        ("gzip", gzip.compress(b"hello" * 100, mtime=0)[:-9]),
        ("gzip", gzip.compress(b"hello", mtime=0) + b"junk"),
        ("deflate", b"\xff\xff"),
    ],
)
def test_encodings_that_cannot_be_trusted_are_refused(encoding, sent):
    with pytest.raises(BadReply) as raised:
        exchange(replying(sent, headers=f"Content-Encoding: {encoding}\r\n"))

    assert raised.value.details["status"] == 200
    assert not raised.value.in_doubt  # it did arrive, and was answered


def test_encodings_in_two_headers_are_two_encodings():
    sent = gzip.compress(gzip.compress(b"hello", mtime=0), mtime=0)

    with pytest.raises(BadReply):
        exchange(replying(sent, headers="Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n"))


def test_an_answer_to_head_has_no_body_to_decode():
    assert (
        exchange(
            writing(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n"), method="HEAD"
        ).body
        == b""
    )


def test_a_caller_may_ask_for_a_smaller_cap():
    assert exchange(replying(b"12345"), max_body_bytes=5).body == b"12345"
    with pytest.raises(ReplyTooLarge) as raised:
        exchange(replying(b"123456"), max_body_bytes=5)
    assert raised.value.details["limit_bytes"] == 5
