"""Everything else goes to web: streamed both ways, with the caller's truth and no more."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.web.gateway.conftest import GatewayProcess, free_port

pytestmark = pytest.mark.processes
Behaviour = Callable[[bytes, "Conversation"], None]


class Conversation:
    """One connection from the gateway."""

    def __init__(self, reader: BinaryIO, connection: socket.socket):
        self._reader = reader
        self.connection = connection

    def say(self, data: bytes) -> None:
        self.connection.sendall(data)

    def read(self, size: int) -> bytes:
        return self._reader.read(size)


class Upstream:
    """A web process that reads requests by hand and answers bytes; so each answer is exactly what the test wrote."""

    def __init__(self, path: Path):
        self.heads: list[bytes] = []
        self._connections: list[socket.socket] = []
        self.behave: Behaviour = lambda head, conversation: conversation.say(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.disconnected = threading.Event()
        upstream = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                upstream._connections.append(self.request)
                while head := _head(self.rfile):
                    upstream.heads.append(head)
                    try:
                        upstream.behave(head, Conversation(self.rfile, self.request))
                    except OSError:
                        upstream.disconnected.set()
                        return
                upstream.disconnected.set()

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            request_queue_size = 128  # of five, a Unix socket refuses the rest of a burst

        self._server = Server(str(path), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _head(reader: BinaryIO) -> bytes:
    head = b""
    with contextlib.suppress(OSError):
        while not head.endswith(b"\r\n\r\n"):
            line = reader.readline()
            if not line:
                return b""
            head += line
    return head


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway without a database: proxying needs none."""
    home = tmp_path_factory.mktemp("gw")
    process = GatewayProcess(
        "postgresql://nobody@127.0.0.1:1/nothing", home, free_port(), {"DJANGO_AUTOMATE_LIVE_SECRET": "s" * 40}
    )
    process.start()
    yield process
    process.stop()


@pytest.fixture
def web(front: GatewayProcess) -> Iterator[Upstream]:
    from automate_platform.home import Home

    path = Home(front.home).web_socket
    path.unlink(missing_ok=True)
    upstream = Upstream(path)
    yield upstream
    upstream.close()
    path.unlink(missing_ok=True)


def answer(body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> Behaviour:
    def behave(head: bytes, conversation: Conversation) -> None:
        conversation.say(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return behave


def test_path_query_and_headers_arrive_as_sent(front: GatewayProcess, web: Upstream) -> None:
    cookies = "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n"
    web.behave = answer(b"ok", headers=f"{cookies}X-Trace-Id: web-said\r\nServer: w\r\n")
    request = (
        b"GET /w/acme/runs/?q=%2Fa%20b&since=15m&x=a%2Bb HTTP/1.1\r\nHost: acme.localhost:8000\r\nCookie: s=1\r\n"
        b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n"
        b"Connection: close, X-Drop-Me\r\nX-Drop-Me: 1\r\nAccept-Language: de\r\nTE: trailers\r\n\r\n"
    )
    reply = front.raw(request)

    lines = web.heads[-1].decode().split("\r\n")
    sent = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines[1:] if line}
    assert lines[0] == "GET /w/acme/runs/?q=%2Fa%20b&since=15m&x=a%2Bb HTTP/1.1"
    assert (sent["host"], sent["cookie"], sent["accept-language"]) == ("acme.localhost:8000", "s=1", "de")
    assert (sent["x-forwarded-for"], sent["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert sent["x-forwarded-host"] == "acme.localhost:8000"
    assert not {"forwarded", "x-real-ip", "x-drop-me", "te", "user-agent", "accept", "accept-encoding"} & set(sent)
    head, _, body = reply.partition(b"\r\n\r\n")
    assert body == b"ok"
    assert head.lower().count(b"set-cookie: ") == 2
    assert b"x-trace-id: web-said" in head.lower()
    assert head.lower().count(b"date:") == 1
    assert b"server:" not in head.lower()


def test_a_trace_id_is_made_at_the_edge_and_told_to_both_sides(front: GatewayProcess, web: Upstream) -> None:
    web.behave = answer(b"ok")
    reply = front.send("GET", "/")

    assert f"traceparent: 00-{reply.headers['x-trace-id']}-".encode() in web.heads[-1].lower()
    kept = front.send("GET", "/", headers={"traceparent": "00-" + "cd" * 16 + "-" + "12" * 8 + "-01"})
    assert kept.headers["x-trace-id"] == "cd" * 16


@pytest.mark.parametrize("status", ["200 OK", "301 Moved Permanently", "404 Not Found", "500 Internal Server Error"])
def test_status_and_body_come_back_as_they_are(front: GatewayProcess, web: Upstream, status: str) -> None:
    web.behave = answer(b"body", status=status, headers='Location: /elsewhere\r\nETag: "x"\r\n')
    reply = front.send("GET", "/")

    assert (reply.status, reply.body) == (int(status[:3]), b"body")
    assert (reply.headers["location"], reply.headers["etag"]) == ("/elsewhere", '"x"')


def test_answers_without_a_body_have_none(front: GatewayProcess, web: Upstream) -> None:
    web.behave = lambda head, talk: talk.say(b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n')
    assert (front.send("GET", "/").status, front.send("GET", "/").body) == (304, b"")

    web.behave = lambda head, talk: talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    reply = front.send("HEAD", "/")
    assert (reply.status, reply.headers["content-length"], reply.body) == (200, "5000", b"")

    web.behave = lambda head, talk: talk.say(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert front.send("DELETE", "/").status == 204


def test_a_compressed_answer_is_not_touched(front: GatewayProcess, web: Upstream) -> None:
    packed = gzip.compress(b"a" * 1000)
    web.behave = answer(packed, headers="Content-Encoding: gzip\r\n")

    assert front.send("GET", "/", headers={"Accept-Encoding": "gzip"}).body == packed
    assert b"accept-encoding: gzip" in web.heads[-1].lower()


def test_an_answer_is_passed_on_while_it_is_being_made(front: GatewayProcess, web: Upstream) -> None:
    go_on = threading.Event()

    def slowly(head: bytes, conversation: Conversation) -> None:
        conversation.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        assert go_on.wait(30)
        conversation.say(b"4\r\nlast\r\n0\r\n\r\n")

    web.behave = slowly
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        seen = b""
        while b"first" not in seen:
            seen += caller.recv(4096)
        go_on.set()
        while chunk := caller.recv(4096):
            seen += chunk
    assert seen.endswith(b"4\r\nlast\r\n0\r\n\r\n")


def test_an_upload_is_passed_on_while_it_comes_in_and_is_never_held_whole(front: GatewayProcess, web: Upstream) -> None:
    size = 40 * 1024 * 1024
    arrived = threading.Event()

    def swallow(head: bytes, conversation: Conversation) -> None:
        conversation.read(1000)
        arrived.set()
        left = size - 1000
        while left:
            left -= len(conversation.read(min(left, 65536)))
        answer(b"done")(head, conversation)

    web.behave = swallow
    with socket.create_connection(("127.0.0.1", front.port), timeout=20) as caller:
        caller.sendall(f"POST /up HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode())
        caller.sendall(b"x" * 100_000)
        assert arrived.wait(30)  # long before the end
        for _ in range((size - 100_000) // 65536):
            caller.sendall(b"x" * 65536)
        caller.sendall(b"x" * ((size - 100_000) % 65536))
        seen = b""
        while chunk := caller.recv(4096):
            seen += chunk
    assert seen.endswith(b"done")
    assert b"content-length: 41943040" in web.heads[-1].lower()
    assert memory_mb(front) < 150


def test_a_chunked_upload_arrives_whole(front: GatewayProcess, web: Upstream) -> None:
    seen: list[bytes] = []

    def collect(head: bytes, conversation: Conversation) -> None:
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            data += conversation.read(1)
        seen.append(data)
        answer(b"ok")(head, conversation)

    web.behave = collect
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert front.raw(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").endswith(b"ok")
    assert b"transfer-encoding: chunked" in web.heads[-1].lower()
    assert b"".join(part for part in seen[0].split(b"\r\n")[1:-2:2]) in {b"abcde"}


def test_a_caller_that_leaves_ends_the_work_behind_it(front: GatewayProcess, web: Upstream) -> None:
    def forever(head: bytes, conversation: Conversation) -> None:
        conversation.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            conversation.say(b"400\r\n" + b"x" * 1024 + b"\r\n")

    web.behave = forever
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert caller.recv(4096)
    assert web.disconnected.wait(30)


def test_an_answer_that_breaks_off_does_not_look_whole(front: GatewayProcess, web: Upstream) -> None:
    def break_off(head: bytes, conversation: Conversation) -> None:
        conversation.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        conversation.connection.shutdown(socket.SHUT_RDWR)

    web.behave = break_off
    seen = front.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"first" in seen
    assert not seen.endswith(b"0\r\n\r\n")


def test_while_web_is_away_programs_get_json_and_people_a_page(front: GatewayProcess) -> None:
    reply = front.send("POST", "/api/v1/events", b"{}" * 1000, {"Content-Type": "application/json"})
    assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "unavailable", "2")
    assert reply.json["trace_id"] == reply.headers["x-trace-id"]

    page = front.send("GET", "/", headers={"Accept": "text/html,*/*"})
    assert (page.status, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert page.headers["x-trace-id"].encode() in page.body
    assert front.send("HEAD", "/", headers={"Accept": "text/html"}).body == b""


def test_many_requests_at_once_get_their_own_answers(front: GatewayProcess, web: Upstream) -> None:
    def say_path(head: bytes, conversation: Conversation) -> None:
        answer(json.dumps(head.split()[1].decode()).encode())(head, conversation)

    replies: dict[int, bytes] = {}
    lock = threading.Lock()
    web.behave = say_path

    def one(n: int) -> None:
        reply = front.send("GET", f"/page/{n}")
        with lock:
            replies[n] = reply.body

    threads = [threading.Thread(target=one, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == {n: f'"/page/{n}"'.encode() for n in range(40)}


def memory_mb(process: GatewayProcess) -> float:
    assert process.process is not None
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024
