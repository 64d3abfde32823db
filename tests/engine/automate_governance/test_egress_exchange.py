"""What egress sends and reads, on real sockets: caps, deadlines, pools, TLS, and how each failure is told."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
import tracemalloc
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from automate_governance import egress
from automate_governance.egress import (
    BadReply,
    ConnectFailed,
    ConnectionLost,
    Egress,
    EgressClient,
    EgressDenied,
    EgressPolicy,
    EgressTimeout,
    InvalidTarget,
    NameNotResolved,
    ReplyTooLarge,
    TlsFailed,
    request_sync,
)
from automate_governance.egress import client as client_module
from automate_governance.egress.reply import MAX_BODY_BYTES

from .loopback import ScriptedResolver, Served, connects_recorded, replying, serving, writing


def open_to(*served: Served, names: tuple[str, ...] = ("127.0.0.1",)) -> EgressPolicy:
    return EgressPolicy(private_targets=tuple(f"{name}:{each.port}" for each in served for name in names))


def exchange(answer, *, timeout_seconds=5.0, method="GET", **keywords):
    """One request to a server that answers so; the reply, or the error raised."""

    async def run():
        async with serving(answer) as served:
            client = EgressClient()
            try:
                return await client.request(
                    method,
                    f"http://127.0.0.1:{served.port}/",
                    policy=open_to(served),
                    timeout_seconds=timeout_seconds,
                    **keywords,
                )
            finally:
                await client.close()

    return asyncio.run(run())


def test_a_reply_comes_whole_whatever_its_status():
    reply = exchange(replying(b'{"a": 1}', status="418 Teapot", headers="X-A: 1\r\nX-A: 2\r\n"))

    assert (reply.status, reply.body) == (418, b'{"a": 1}')
    assert [value for name, value in reply.headers if name == "x-a"] == ["1", "2"]
    assert reply.elapsed_ms > 0


def test_what_is_sent_is_what_was_given():
    async def run():
        async with serving(replying()) as served:
            client = EgressClient()
            await client.request(
                "POST",
                f"http://127.0.0.1:{served.port}/a b?q=ä&x=%2F#part",
                policy=open_to(served),
                headers={"Content-Type": "application/json", "X-Long": " v "},
                body=b'{"a":1}',
            )
            await client.close()
            return served.heads[0].decode()

    head = asyncio.run(run())

    assert head.startswith("POST /a%20b?q=%C3%A4&x=%2F HTTP/1.1\r\n")
    assert "\r\nX-Long: v\r\n" in head
    assert "User-Agent: django-automate/" in head
    assert head.endswith('\r\n\r\n{"a":1}')


def test_a_redirect_is_not_followed():
    async def run():
        async with serving(replying(b"secret")) as hidden:
            location = f"Location: http://127.0.0.1:{hidden.port}/\r\n"
            async with serving(replying(status="302 Found", headers=location)) as served:
                client = EgressClient()
                reply = await client.request("GET", f"http://127.0.0.1:{served.port}/", policy=open_to(served, hidden))
                await client.close()
                return reply.status, hidden.connections

    assert asyncio.run(run()) == (302, 0)


def test_a_cookie_is_not_kept():
    async def run():
        async with serving(replying(headers="Set-Cookie: a=b\r\n")) as served:
            client = EgressClient(resolver=ScriptedResolver({"api.example": [["127.0.0.1"]]}))
            for _ in range(2):
                url = f"http://api.example:{served.port}/"
                await client.request("GET", url, policy=open_to(served, names=("api.example",)))
            await client.close()
            return served.heads[1]

    assert b"cookie" not in asyncio.run(run()).lower()


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    async def run():
        async with serving(replying(b"proxy")) as proxy, serving(replying(b"direct")) as served:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            client = EgressClient()
            reply = await client.request("GET", f"http://127.0.0.1:{served.port}/", policy=open_to(served, proxy))
            await client.close()
            return reply.body, proxy.connections

    assert asyncio.run(run()) == (b"direct", 0)


# Pools


def test_connections_are_kept_within_one_owner_and_policy_only():
    async def run():
        async with serving(replying()) as served:
            client, url, policy = EgressClient(), f"http://127.0.0.1:{served.port}/", open_to(served)
            counts = []
            for keywords in (
                {"pool_key": "a", "policy": policy},
                {"pool_key": "a", "policy": policy},
                {"pool_key": "b", "policy": policy},
                {"pool_key": "b", "policy": EgressPolicy(allow_ssrf=True)},
                {"pool_key": "a", "policy": open_to(served)},
            ):
                await client.request("GET", url, **keywords)
                counts.append(served.connections)
            with pytest.raises(EgressDenied):
                await client.request("GET", url, policy=EgressPolicy(), pool_key="a")
            await client.close()
            return counts

    assert asyncio.run(run()) == [1, 1, 2, 3, 3]


def test_a_kept_connection_stays_where_it_was_checked():
    """The name leads elsewhere now; the pooled connection is still the one to the checked address."""

    async def run():
        async with serving(replying(b"first")) as served:
            resolver = ScriptedResolver({"api.example": [["127.0.0.1"], ["10.0.0.9"]]})
            client = EgressClient(resolver=resolver)
            url, policy = f"http://api.example:{served.port}/", open_to(served, names=("api.example",))
            with connects_recorded() as connects:
                bodies = [(await client.request("GET", url, policy=policy)).body for _ in range(3)]
            await client.close()
            return bodies, connects == [("127.0.0.1", served.port)], resolver.calls

    assert asyncio.run(run()) == ([b"first"] * 3, True, ["api.example"])


def test_many_owners_leave_a_bounded_number_of_pools(monkeypatch):
    monkeypatch.setattr("automate_governance.egress.pools.MAX_POOLS", 3)

    async def run():
        async with serving(replying()) as served:
            client, policy = EgressClient(), open_to(served)
            for number in range(10):
                await client.request("GET", f"http://127.0.0.1:{served.port}/", policy=policy, pool_key=str(number))
            kept = len(client._pools._pools)
            await client.close()
            return kept

    assert asyncio.run(run()) == 3


def test_the_loops_own_client_is_closed_with_the_loop():
    async def run():
        async with serving(replying()) as served:
            await egress.request("GET", f"http://127.0.0.1:{served.port}/", policy=open_to(served))
        (pool,) = client_module._clients[asyncio.get_running_loop()]._pools._pools.values()
        return pool.session, asyncio.get_running_loop()

    for _ in range(2):
        session, loop = asyncio.run(run())
        assert session.closed
        assert loop not in client_module._clients


# Caps


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


def test_an_answer_to_head_has_no_body_to_decode():
    assert (
        exchange(
            writing(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n"), method="HEAD"
        ).body
        == b""
    )


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


# Deadlines and broken connections


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
    assert 0.25 < took < 2


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


# Headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "internal.example"},
        {"content-length": "3"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "close"},
        {"Proxy-Authorization": "x"},
        {"X-A": "b\r\nX-Injected: 1"},
        {"X-A": "b\nc"},
        {"X-A": "b\0"},
        {"X A": "b"},
        {"X-A\r\nB": "c"},
        {"": "x"},
        {"X-A": "\ud800"},
        {f"X-{number}": "y" * 8000 for number in range(20)},
    ],
)
def test_a_header_that_would_steer_or_split_the_request_is_refused(headers):
    with pytest.raises(InvalidTarget):
        exchange(replying(), headers=headers)


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "GET / HTTP/1.1\r\nX: y", ""])
def test_an_unusual_method_is_refused(method):
    with pytest.raises(InvalidTarget):
        exchange(replying(), method=method)


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate for api.example that is its own authority: its file, and the file of its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api.example")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("api.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize(("host", "is_trusted"), [("api.example", True), ("other.example", False)])
def test_tls_checks_the_name_of_the_url_at_the_checked_address(authority, host, is_trusted):
    async def run():
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(*authority)
        names = []
        server_side.sni_callback = lambda _socket, name, _context: names.append(name)
        async with serving(replying(b"sealed"), ssl=server_side) as served:
            client = EgressClient(
                resolver=ScriptedResolver({host: [["127.0.0.1"]]}),
                ssl_context=ssl.create_default_context(cafile=str(authority[0])),
            )
            try:
                reply = await client.request(
                    "GET", f"https://{host}:{served.port}/", policy=open_to(served, names=(host,))
                )
                return names, reply.body
            except TlsFailed as error:
                return names, (error.retryable, error.in_doubt)
            finally:
                await client.close()

    assert asyncio.run(run()) == ([host], b"sealed" if is_trusted else (False, False))


def test_an_unknown_authority_is_refused(authority):
    async def run():
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(*authority)
        async with serving(replying(), ssl=server_side) as served:
            client = EgressClient(resolver=ScriptedResolver({"api.example": [["127.0.0.1"]]}))
            try:
                await client.request(
                    "GET", f"https://api.example:{served.port}/", policy=open_to(served, names=("api.example",))
                )
            finally:
                await client.close()

    with pytest.raises(TlsFailed):
        asyncio.run(run())


# Without an event loop


def test_the_bridge_serves_several_threads_at_once():
    async def run():
        async with serving(replying(b"bridged")) as served:
            bodies: list[bytes] = []

            def call() -> None:
                url = f"http://127.0.0.1:{served.port}/"
                bodies.append(request_sync("GET", url, policy=open_to(served)).body)

            threads = [threading.Thread(target=call) for _ in range(8)]
            for thread in threads:
                thread.start()
            await asyncio.to_thread(lambda: [thread.join() for thread in threads])
            return bodies

    assert asyncio.run(run()) == [b"bridged"] * 8


def test_the_bridge_raises_what_the_call_raises():
    with pytest.raises(EgressDenied):
        request_sync("GET", "http://127.0.0.1:9999/", policy=EgressPolicy())


def test_an_egress_carries_its_policy():
    async def run():
        async with serving(replying(b"mine")) as served:
            return (await Egress(open_to(served)).request("GET", f"http://127.0.0.1:{served.port}/")).body

    assert asyncio.run(run()) == b"mine"


def test_a_caller_may_ask_for_a_smaller_cap():
    assert exchange(replying(b"12345"), max_body_bytes=5).body == b"12345"
    with pytest.raises(ReplyTooLarge) as raised:
        exchange(replying(b"123456"), max_body_bytes=5)
    assert raised.value.details["limit_bytes"] == 5
