"""How each failure is told: whether the call may have happened, and by when it ends."""

from __future__ import annotations

import asyncio

import pytest

from automate_governance.egress import (
    BadReply,
    ConnectFailed,
    ConnectionLost,
    EgressClient,
    EgressPolicy,
    EgressTimeout,
    NameNotResolved,
    ReplyTooLarge,
)

from .loopback import ScriptedResolver, exchange, open_to, replying, serving, writing


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(5000)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (number, b"y" * 4000) for number in range(100)) + b"\r\n",
        b"HTTP/9.9 what\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_a_reply_that_is_not_proper_http_is_told_as_such(raw):
    with pytest.raises((BadReply, ReplyTooLarge, ConnectionLost)):
        exchange(writing(raw, then_close=True))


async def never(_request, _writer):
    await asyncio.Event().wait()


async def dripping(_request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("answer", [never, dripping, writing(b"HTTP/1.1 200 OK\r\nContent-Le")])
def test_the_deadline_is_for_the_whole_call(answer):
    loop_time = asyncio.new_event_loop()
    started = loop_time.time()
    with pytest.raises(EgressTimeout) as raised:
        exchange(answer, timeout_seconds=0.3)
    took = loop_time.time() - started
    loop_time.close()

    assert raised.value.in_doubt
    assert raised.value.retryable
    assert took > 0.25


def test_a_name_server_that_never_answers_leaves_no_doubt():
    class Silent:
        async def resolve(self, host: str) -> list[str]:
            await asyncio.Event().wait()
            return []

    async def run():
        client = EgressClient(resolver=Silent())
        try:
            await client.request("POST", "http://api.example/", policy=EgressPolicy(), timeout_seconds=0.2)
        finally:
            await client.close()

    with pytest.raises(ConnectFailed) as raised:
        asyncio.run(run())
    assert not raised.value.in_doubt


def test_a_refused_connection_leaves_no_doubt():
    async def run():
        async with serving(replying()) as served:
            policy = open_to(served)
        client = EgressClient()
        try:
            await client.request("POST", f"http://127.0.0.1:{served.port}/", policy=policy)
        finally:
            await client.close()

    with pytest.raises(ConnectFailed) as raised:
        asyncio.run(run())
    assert raised.value.retryable
    assert not raised.value.in_doubt


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"])
def test_a_connection_that_breaks_after_sending_leaves_doubt(raw):
    with pytest.raises(ConnectionLost) as raised:
        exchange(writing(raw, then_close=True), method="POST", body=b"x")

    assert raised.value.in_doubt


def test_an_unknown_name_is_told_as_such():
    async def run():
        client = EgressClient(resolver=ScriptedResolver({"empty.example": [[]]}))
        codes = []
        for host in ("missing.example", "empty.example"):
            try:
                await client.request("GET", f"http://{host}/", policy=EgressPolicy())
            except NameNotResolved as error:
                codes.append((error.code, error.retryable, error.in_doubt))
        await client.close()
        return codes

    assert asyncio.run(run()) == [("name_not_resolved", True, False)] * 2
