"""What egress sends, and what comes back: methods, headers, redirects, cookies, proxies."""

from __future__ import annotations

import asyncio

import pytest

from automate_governance.egress import (
    EgressClient,
    InvalidTarget,
)

from .loopback import ScriptedResolver, exchange, open_to, replying, serving


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
