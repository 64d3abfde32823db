"""What egress refuses: each vector is tried for real, with a server listening where a leak would arrive."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from automate_governance.egress import EgressClient, EgressDenied, EgressError, EgressPolicy, InvalidTarget
from automate_governance.egress.addresses import denial
from automate_governance.egress.gate import Gate, SocketRefused

from .loopback import ScriptedResolver, connects_recorded, replying, serving

PUBLIC = "93.184.216.34"
ADDRESSES = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1"),
    *("172.31.255.254", "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200"),
    *("100.127.255.254", "192.0.0.8", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1"),
    *("198.19.255.254", "198.51.100.1", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "[::1]", "[::]", "[::127.0.0.1]", "[::ffff:127.0.0.1]"),
    *("[::ffff:7f00:1]", "[0:0:0:0:0:ffff:a9fe:a9fe]", "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]"),
    *("[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]"),
    *("[2001:0:7f00:1::]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]", "[fc00::1]", "[fd00:ec2::254]"),
    *("[fd12:3456::1]", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[100::1]", "[4000::1]", "[2600::5efe:7f00:1]"),
]
READ_IN_TWO_WAYS = [
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://127.0.0.1.:{port}/x y/../..\\",
    "http://127.0.0.01/",
    "http://256.256.256.256/",
    "http://1.2.3.4.5/",
    "http://a.b.0x1/",
    "http://127.0.0.1\\@api.stripe.com/",
    "http://api.stripe.com\\@127.0.0.1:{port}/",
    "http://api.stripe.com@127.0.0.1:{port}/",
    "http://user:pw@127.0.0.1:{port}/",
    "http://api.stripe.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@api.stripe.com/\n",
    "http://api.stripe.com\r\nHost: 127.0.0.1/",
    "http://api.stripe.com/\r\nX-Injected: 1",
    "http://api.stripe.com/\tx",
    "http://api.stripe.com\x00.evil.example/",
    "http://api.stripe.com%2f@127.0.0.1/",
    "http://127%2e0%2e0%2e1/",
    "http://[::1%25lo]:{port}/",
    "http://[::1]x:{port}/",
    "http://[::1/",
    "http://::1/",
    "http:///x",
    "http:/127.0.0.1/",
    "http:127.0.0.1/",
    "//127.0.0.1/",
    "127.0.0.1:{port}",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:{port}/_x",
    "unix:///run/docker.sock",
    "javascript:alert(1)",
    "http://a b/",
    "http://-a.example/",
    "http://a..example/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:8x/",
    "http://127.0.0.1:+80/",
    "http://" + "a" * 64 + ".example/",
    "http://x.example/" + "a" * 9000,
    "http://x.example/\ud800",
    "",
]
MAPPED_TO_LOOPBACK = [
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://１２７.0.0.1:{port}/",
    "http://ⓛocalhost:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://x.localhost:{port}/",
    "  http://127.0.0.1.:{port}/",
]
NAMES = {
    "private.example": ["10.0.0.5"],
    "loopback.example": ["127.0.0.1"],
    "loopback6.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "metadata.example": ["169.254.169.254"],
    "mixed.example": [PUBLIC, "127.0.0.1"],
    "mixed-late.example": [PUBLIC] * 3 + ["10.0.0.1"],
    "mixed6.example": [PUBLIC, "::1"],
    "zone.example": ["fe80::1%lo"],
    "nonsense.example": ["not an address"],
    "xn--bcher-kva.example": ["127.0.0.1"],
}


def attempt(
    url: str, *, policy: EgressPolicy | None = None, script: dict[str, list[list[str]]] | None = None
) -> tuple[EgressError | None, list[tuple[str, int]], int]:
    """Call `url` (its {port} is where a server listens): the error, the connects tried, the connections arrived."""

    async def run() -> tuple[EgressError | None, list[tuple[str, int]], int]:
        async with serving(replying()) as served:
            client = EgressClient(resolver=ScriptedResolver(script or {}))
            with connects_recorded() as connects:
                try:
                    await client.request(
                        "GET",
                        url.replace("{port}", str(served.port)),
                        policy=policy or EgressPolicy(),
                        timeout_seconds=3,
                    )
                    error = None
                except EgressError as raised:
                    error = raised
                finally:
                    await client.close()
            return error, connects, served.connections

    return asyncio.run(run())


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_denied_address_is_never_connected_to(address):
    error, connects, arrived = attempt(f"http://{address}:{{port}}/")

    assert isinstance(error, EgressDenied)
    assert (connects, arrived) == ([], 0)


@pytest.mark.parametrize("url", READ_IN_TWO_WAYS)
def test_a_url_that_two_readers_read_differently_is_refused(url):
    error, connects, arrived = attempt(url)

    assert isinstance(error, InvalidTarget)
    assert (connects, arrived) == ([], 0)
    assert "pw" not in error.message  # the message repeats no part of the URL


@pytest.mark.parametrize("url", MAPPED_TO_LOOPBACK)
def test_a_host_that_means_loopback_is_refused(url):
    error, connects, arrived = attempt(url)

    assert isinstance(error, EgressDenied)
    assert (connects, arrived) == ([], 0)


@pytest.mark.parametrize("name", NAMES)
def test_one_denied_answer_refuses_the_name(name):
    error, connects, arrived = attempt(f"http://{name}:{{port}}/", script={name: [NAMES[name]]})

    assert isinstance(error, EgressDenied)
    assert (connects, arrived) == ([], 0)


def test_an_international_name_is_looked_up_as_it_will_be_sent():
    error, connects, _ = attempt("http://Bücher.example:{port}/", script={"xn--bcher-kva.example": [["127.0.0.1"]]})

    assert isinstance(error, EgressDenied)
    assert connects == []


def test_a_name_is_looked_up_once_and_only_the_checked_address_is_tried():
    """A name server that answers with loopback the second time changes nothing."""

    async def run() -> None:
        async with serving(replying()) as served:
            resolver = ScriptedResolver({"rebinding.example": [[PUBLIC], ["127.0.0.1"]]})
            client = EgressClient(resolver=resolver)
            url = f"http://rebinding.example:{served.port}/"
            with connects_recorded() as connects:
                with pytest.raises(EgressError) as first:
                    await client.request("GET", url, policy=EgressPolicy())
                assert first.value.code == "connect_failed"
                assert resolver.calls == ["rebinding.example"]
                assert set(connects) == {(PUBLIC, served.port)}

                with pytest.raises(EgressDenied):
                    await client.request("GET", url, policy=EgressPolicy())
                assert set(connects) == {(PUBLIC, served.port)}
            await client.close()
            assert served.connections == 0

    asyncio.run(run())


@pytest.mark.parametrize("port", [22, 25, 53, 110, 389, 3306, 5432, 6379, 11211, 27017])
def test_a_port_of_another_protocol_is_refused(port):
    error, connects, _ = attempt(f"http://{PUBLIC}:{port}/")

    assert isinstance(error, EgressDenied)
    assert error.details["reason"] == "port"
    assert connects == []


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("*.stripe.com", "https://api.stripe.com/", True),
        ("*.stripe.com", "https://a.b.stripe.com/", True),
        ("*.stripe.com", "https://stripe.com/", False),
        ("*.stripe.com", "https://evilstripe.com/", False),
        ("*.stripe.com", "https://api.stripe.com.evil.example/", False),
        ("*.stripe.com", "https://api.stripe.com:8443/", False),
        ("*.stripe.com:8443", "https://api.stripe.com:8443/", True),
        ("*.stripe.com:8443", "https://api.stripe.com/", False),
        ("*.stripe.com:*", "https://api.stripe.com:8443/", True),
        ("api.stripe.com", "https://API.Stripe.com./v1", True),
        ("API.stripe.com", "https://api.stripe.com/v1", True),
        ("api.stripe.com", "https://x.api.stripe.com/", False),
        ("*.0.0.8", f"https://{PUBLIC}/", False),
        (PUBLIC, f"https://{PUBLIC}/", True),
        ("[2600::1]:8443", "https://[2600::1]:8443/", True),
        ("[2600::1]", "https://[2600:0::1]/", True),
        ("[2600::1]", "https://[2600::2]/", False),
        ("*", "https://anything.example/", True),
    ],
)
def test_the_host_allowlist(entry, url, allowed):
    try:
        policy = EgressPolicy(host_allowlist=(entry,))
    except ValueError:
        assert not allowed  # an entry that can never match is refused at once
        return
    error, connects, _ = attempt(url, policy=policy, script={host: [[PUBLIC]] for host in ALLOWED_NAMES})

    if allowed:
        assert error is not None
        assert error.code == "connect_failed"  # it was let through and found no network
        assert connects
    else:
        assert isinstance(error, EgressDenied)
        assert error.details["reason"] == "host_allowlist"
        assert connects == []


ALLOWED_NAMES = ("api.stripe.com", "a.b.stripe.com", "anything.example")


@pytest.mark.parametrize("entry", ["", "*.", "**.x", "http://x", "x:y", "a b", "x/y", "*.*", "x:0", "u@x", "127.1"])
def test_an_allowlist_entry_that_can_never_match_is_refused(entry):
    with pytest.raises(ValueError, match="llowlist entry"):
        EgressPolicy(host_allowlist=(entry,))


@pytest.mark.parametrize("entry", ["127.0.0.1", "*:80", "*.x:80", "x", "http://x:80", ":80", "10.0.0.0/8:80"])
def test_a_private_target_is_an_exact_host_and_port(entry):
    with pytest.raises(ValueError, match="rivate target"):
        EgressPolicy(private_targets=(entry,))


def test_a_list_given_as_one_text_is_refused():
    with pytest.raises(ValueError, match="list of texts"):
        EgressPolicy(host_allowlist="*")


def test_a_private_target_admits_only_its_own_port_and_spelling():
    async def run() -> None:
        async with serving(replying()) as echo, serving(replying()) as other:
            client = EgressClient(resolver=ScriptedResolver({"other.example": [["127.0.0.1"]]}))
            policy = EgressPolicy(private_targets=(f"127.0.0.1:{echo.port}",))

            assert (await client.request("GET", f"http://127.0.0.1:{echo.port}/", policy=policy)).status == 200
            for url in (f"http://127.0.0.1:{other.port}/", f"http://other.example:{echo.port}/"):
                with pytest.raises(EgressDenied):
                    await client.request("GET", url, policy=policy)
            await client.close()
            assert (echo.connections, other.connections) == (1, 0)

    asyncio.run(run())


def test_a_narrowed_allowlist_holds_for_private_targets_too():
    error, connects, _ = attempt(
        "http://127.0.0.1:8600/",
        policy=EgressPolicy(private_targets=("127.0.0.1:8600",), host_allowlist=("*.stripe.com",)),
    )

    assert isinstance(error, EgressDenied)
    assert connects == []


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", PUBLIC, "2606:4700:4700::1111", "2a00:1450:4001::1", "2001:4860::8"]
)
def test_public_addresses_are_allowed(address):
    assert denial(address) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "64:ff9b::7f00:1"])
def test_the_last_check_stands_at_the_socket_itself(address):
    """Even if every check before it failed, no socket is made for a denied address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    gate = Gate(EgressPolicy(), ScriptedResolver({}))

    with pytest.raises(SocketRefused):
        gate.make_socket((family, socket.SOCK_STREAM, 6, "", (address, 80)))


def test_the_installations_policy_is_read_from_djangos_settings():
    script = (
        "from automate_governance.egress import default_policy\n"
        "print(default_policy())\n"
        "import django.conf\n"
        "print(default_policy())\n"
        "django.conf.settings.configure(DJANGO_AUTOMATE={'POLICY': {'private_targets': ['127.0.0.1:8600']}})\n"
        "print(default_policy())\n"
    )
    engine = Path(__file__).parents[3] / "engine"
    ran = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(engine)}, capture_output=True, text=True, check=True
    )

    strict = repr(EgressPolicy())
    opened = repr(EgressPolicy(private_targets=("127.0.0.1:8600",)))
    assert ran.stdout.splitlines() == [strict, strict, opened]
