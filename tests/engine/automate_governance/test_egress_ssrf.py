"""Server-side request forgery: each vector that is known to have worked somewhere, through real sockets.

A canary listens on this machine, and a name server of ours says what each vector needs. No vector reaches the canary,
whether it spells the address in its own way, hides it behind a name, behind a second answer, or behind a redirect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from automate_governance.egress import EgressClient, EgressDenied, EgressError, EgressPolicy, InvalidTarget
from automate_governance.egress.nameserver import NameServerFailed, NameServerResolver, parse_reply
from tests.support.nameserver import A, NameServer, nameserver
from tests.support.sink import Answer, Sink, http_sink
from tests.support.sockets import OutsideConnection

__all__ = ["http_sink", "nameserver"]  # the fixtures

# name → URL; {port} is the canary's.
SPELLED = {
    "loopback": "http://127.0.0.1:{port}/",
    "loopback, its last address": "http://127.255.255.254:{port}/",
    "two parts": "http://127.1:{port}/",
    "three parts": "http://127.0.1:{port}/",
    "one decimal number": "http://2130706433:{port}/",
    "one hexadecimal number": "http://0x7f000001:{port}/",
    "mixed parts": "http://0x7f.1:{port}/",
    "octal parts": "http://0177.0.0.1:{port}/",
    "one octal number": "http://017700000001:{port}/",
    "zeros in front": "http://127.000.000.001:{port}/",
    "too many zeros": "http://0000127.0.0.1:{port}/",
    "overflowing number": "http://4294967296127:{port}/",
    "overflowing part": "http://127.0.0.257:{port}/",
    "a dot at the end": "http://127.0.0.1.:{port}/",
    "percent-encoded dots": "http://127%2e0%2e0%2e1:{port}/",
    "percent-encoded digit": "http://12%37.0.0.1:{port}/",
    "circled digits": "http://①②⑦.⓪.⓪.①:{port}/",
    "full-width digits": "http://１２７.０.０.１:{port}/",
    "ideographic full stops": "http://127。0。0。1:{port}/",
    "full-width full stops": "http://127．0．0．1:{port}/",
    "half-width full stops": "http://127｡0｡0｡1:{port}/",
    "superscript digit": "http://127.0.0.¹:{port}/",
    "zero": "http://0:{port}/",
    "unspecified": "http://0.0.0.0:{port}/",
    "broadcast": "http://255.255.255.255:{port}/",
    "IPv6 loopback": "http://[::1]:{port}/",
    "IPv6 loopback in full": "http://[0000:0000:0000:0000:0000:0000:0000:0001]:{port}/",
    "IPv6 unspecified": "http://[::]:{port}/",
    "IPv4-mapped": "http://[::ffff:127.0.0.1]:{port}/",
    "IPv4-mapped, hexadecimal": "http://[::ffff:7f00:1]:{port}/",
    "IPv4-compatible": "http://[::127.0.0.1]:{port}/",
    "IPv4-translated": "http://[::ffff:0:127.0.0.1]:{port}/",
    "NAT64": "http://[64:ff9b::127.0.0.1]:{port}/",
    "NAT64 of cloud metadata": "http://[64:ff9b::a9fe:a9fe]:{port}/",
    "local NAT64": "http://[64:ff9b:1::127.0.0.1]:{port}/",
    "6to4": "http://[2002:7f00:1::]:{port}/",
    "Teredo": "http://[2001:0:7f00:1::]:{port}/",
    "ISATAP": "http://[2001:470:1:1:0:5efe:7f00:1]:{port}/",
    "link-local IPv6": "http://[fe80::1]:{port}/",
    "a zone": "http://[fe80::1%25lo]:{port}/",
    "a zone, not encoded": "http://[::1%lo]:{port}/",
    "site-local": "http://[fec0::1]:{port}/",
    "unique local": "http://[fd00:ec2::254]:{port}/",
    "multicast IPv6": "http://[ff02::1]:{port}/",
    "IPv4 in brackets": "http://[127.0.0.1]:{port}/",
    "brackets left open": "http://[::1:{port}/",
    "localhost": "http://localhost:{port}/",
    "localhost in capitals": "http://LOCALHOST:{port}/",
    "localhost with a dot": "http://localhost.:{port}/",
    "localhost in circled letters": "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    "localhost with a soft hyphen": "http://local\u00adhost:{port}/",
    "below localhost": "http://anything.localhost:{port}/",
    "user in front": "http://api.example.com@127.0.0.1:{port}/",
    "user behind": "http://127.0.0.1:{port}@api.example.com/",
    "user and password": "http://a:b@127.0.0.1:{port}/",
    "backslash before the at": "http://127.0.0.1:{port}\\@api.example.com/",
    "backslash as a slash": "http://api.example.com\\@127.0.0.1:{port}/",
    "two ats": "http://a@api.example.com@127.0.0.1:{port}/",
    "encoded at": "http://api.example.com%40127.0.0.1:{port}/",
    "two ports": "http://127.0.0.1:{port}:80/",
    "port and name": "http://127.0.0.1:{port}.example.com/",
    "line break in the host": "http://127.0.0.1\n:{port}/",
    "tab in the host": "http://127.0\t.0.1:{port}/",
    "carriage return": "http://api.example.com\r\nHost: 127.0.0.1:{port}/",
    "NUL in the host": "http://api.example.com\x00.127.0.0.1:{port}/",
    "space in the host": "http://127.0.0.1 .example.com:{port}/",
    "no slashes": "http:127.0.0.1:{port}/",
    "one slash": "http:/127.0.0.1:{port}/",
    "three slashes": "http:///127.0.0.1:{port}/",
    "no scheme": "//127.0.0.1:{port}/",
    "file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:{port}/_GET",
    "ftp": "ftp://127.0.0.1:{port}/",
    "dict": "dict://127.0.0.1:{port}/info",
    "ldap": "ldap://127.0.0.1:{port}/",
    "zero-width joiner in localhost": "http://loca\u200dlhost:{port}/",
    "encoded line break in the host": "http://127.0.0.1%0d%0a:{port}/",
    "encoded dot": "http://localhost%2e:{port}/",
    "hexadecimal parts": "http://0x7f.0x0.0x0.0x1:{port}/",
    "octal and hexadecimal": "http://0177.0.0.0x1:{port}/",
    "one number with a dot": "http://2130706433.:{port}/",
    "number with a full stop in one sign": "http://\u2488.0.0.1:{port}/",
    "full-width slash": "http://127.0.0.1\uff0f.example.com:{port}/",
    "full-width at": "http://api.example.com\uff20127.0.0.1:{port}/",
    "full-width colon": "http://127.0.0.1\uff1a{port}/",
    "ideographic full stop after localhost": "http://localhost\u3002:{port}/",
    "Arabic digit in the port": "http://127.0.0.1:{port}\u0660/",
    "port with zeroes": "http://127.0.0.1:00{port}/",
    "mapped, with a zone": "http://[::ffff:127.0.0.1%25eth0]:{port}/",
    "something behind the brackets": "http://[::1].:{port}/",
    "a name of 260 characters": "http://" + "a." * 126 + "localhost:{port}/",
    "websocket": "ws://127.0.0.1:{port}/",
    "unix socket": "http+unix://%2fvar%2frun%2fdocker.sock/info",
    "data": "data:text/plain,hello",
    "nothing": "",
}
# name → an address that a name leads to
NAMED = {
    "this network": "0.1.2.3",
    "private 10": "10.0.0.1",
    "private 172, first": "172.16.0.1",
    "private 172, last": "172.31.255.255",
    "private 192.168": "192.168.0.1",
    "carrier NAT, first": "100.64.0.1",
    "carrier NAT, last": "100.127.255.255",
    "Alibaba metadata": "100.100.100.200",
    "metadata of AWS, Azure, GCP": "169.254.169.254",
    "metadata of ECS": "169.254.170.2",
    "link-local": "169.254.0.1",
    "Azure wire server": "168.63.129.16",
    "Oracle metadata": "192.0.0.192",
    "protocol assignments": "192.0.0.8",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "6to4 relay": "192.88.99.1",
    "benchmarking": "198.19.255.255",
    "multicast": "224.0.0.1",
    "multicast, last": "239.255.255.255",
    "reserved": "240.0.0.1",
    "loopback": "127.0.0.1",
    "loopback, another": "127.9.9.9",
    "loopback IPv6": "::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped metadata": "::ffff:169.254.169.254",
    "AWS metadata IPv6": "fd00:ec2::254",
    "unique local": "fc00::1",
    "link-local IPv6": "fe80::1",
    "site-local": "fec0::1",
    "multicast IPv6": "ff05::2",
    "NAT64 of private": "64:ff9b::a00:1",
    "local NAT64": "64:ff9b:1::1",
    "6to4 of private": "2002:c0a8:1::1",
    "Teredo": "2001::1",
    "ORCHID": "2001:20::1",
    "documentation IPv6": "2001:db8::1",
    "documentation IPv6, new": "3fff::1",
    "segment routing": "5f00::1",
    "discard": "100::1",
    "not given out": "4000::1",
}


@dataclass
class Caller:
    """An egress client that asks our name server."""

    nameserver: NameServer
    sink: Sink

    def call(self, url: str, policy: EgressPolicy | None = None, *, times: int = 1) -> Any:
        async def run() -> Any:
            client = EgressClient(resolver=NameServerResolver("127.0.0.1", self.nameserver.port))
            try:
                for _ in range(times):
                    reply = await client.request("GET", url, policy=policy or EgressPolicy(), timeout_seconds=5)
                return reply
            finally:
                await client.close()

        return asyncio.run(run())


@pytest.fixture
def caller(nameserver: NameServer, http_sink: Sink) -> Iterator[Caller]:
    yield Caller(nameserver, http_sink)
    assert http_sink.received == []


def test_the_suite_is_as_large_as_promised() -> None:
    assert len(SPELLED) + len(NAMED) >= 100


@pytest.mark.parametrize("name", SPELLED)
def test_no_spelling_reaches_it(caller: Caller, name: str) -> None:
    with pytest.raises((EgressDenied, InvalidTarget)):
        caller.call(SPELLED[name].format(port=caller.sink.port))


@pytest.mark.parametrize("name", NAMED)
def test_no_name_leads_there(caller: Caller, name: str) -> None:
    caller.nameserver.says["vector.test"] = [[NAMED[name]]]

    with pytest.raises(EgressDenied) as raised:
        caller.call(f"http://vector.test:{caller.sink.port}/")

    assert NAMED[name] not in raised.value.message  # which kind it was, never which one


@pytest.mark.parametrize(
    "answer",
    [["1.1.1.1", "127.0.0.1"], ["127.0.0.1", "1.1.1.1"], ["1.1.1.1", "::1"], ["2606:4700::1", "10.0.0.1"]],
    ids=str,
)
def test_one_bad_address_spoils_the_answer(caller: Caller, answer: list[str]) -> None:
    caller.nameserver.says["mixed.test"] = [answer]

    with pytest.raises(EgressDenied):
        caller.call(f"http://mixed.test:{caller.sink.port}/")


def test_a_bad_address_in_a_long_answer_over_tcp_is_seen(caller: Caller) -> None:
    before = caller.nameserver.by_tcp
    caller.nameserver.says["long.test"] = [["127.0.0.1", *(f"1.1.{n}.1" for n in range(60))]]

    with pytest.raises(EgressDenied):
        caller.call(f"http://long.test:{caller.sink.port}/")
    assert caller.nameserver.by_tcp > before


def test_a_name_server_that_answers_differently_the_second_time_is_asked_once(caller: Caller) -> None:
    name = "rebinds.test"
    caller.nameserver.says[name] = [["1.1.1.1"], ["127.0.0.1"]]

    with pytest.raises(OutsideConnection, match=r"1\.1\.1\.1"):  # the address that was checked, and no other
        caller.call(f"http://{name}:{caller.sink.port}/")

    assert caller.nameserver.asked[name, A] == 1
    with pytest.raises(EgressDenied):  # the next call has its own answer, and checks it
        caller.call(f"http://{name}:{caller.sink.port}/")


def test_the_other_family_is_checked_too(caller: Caller) -> None:
    caller.nameserver.says["six.test"] = [["1.1.1.1", "::ffff:10.0.0.1"]]

    with pytest.raises(EgressDenied):
        caller.call(f"http://six.test:{caller.sink.port}/")


def test_a_name_without_an_address_is_told_as_such(caller: Caller) -> None:
    with pytest.raises(EgressError) as raised:
        caller.call("http://nowhere.test/")

    assert raised.value.code == "name_not_resolved"


def test_a_redirect_is_an_answer_and_not_a_way(nameserver: NameServer, http_sink: Sink) -> None:
    inside = Sink()
    try:
        http_sink.answer = Answer(302, b"", {"Location": inside.url})
        nameserver.says["door.test"] = [["127.0.0.1"]]
        policy = EgressPolicy(private_targets=(f"door.test:{http_sink.port}",))

        reply = Caller(nameserver, http_sink).call(f"http://door.test:{http_sink.port}/", policy)

        assert reply.status == 302
        assert inside.received == []
        assert len(http_sink.received) == 1
    finally:
        inside.close()


def test_a_private_target_is_one_port_of_one_name(nameserver: NameServer, http_sink: Sink) -> None:
    nameserver.says["door.test"] = nameserver.says["other.test"] = [["127.0.0.1"]]
    policy = EgressPolicy(private_targets=("door.test:1",))

    for host in ("door.test", "other.test", "127.0.0.1"):
        with pytest.raises(EgressDenied):
            Caller(nameserver, http_sink).call(f"http://{host}:{http_sink.port}/", policy)
    assert http_sink.received == []


@pytest.mark.parametrize(
    "reply",
    [b"", b"\0" * 12, b"\x12\x34\x81\x80\0\1\0\1\0\0\0\0", b"\x12\x34\x81\x80\0\1\0\5\0\0\0\0\1a\0\0\1\0\1\xc0"],
    ids=["empty", "another id", "another question", "cut off"],
)
def test_a_reply_that_is_not_to_the_question_is_refused(reply: bytes) -> None:
    with pytest.raises(NameServerFailed):
        parse_reply(reply, query_id=0x1234, question=b"\1a\0\0\1\0\1", kind=A)
