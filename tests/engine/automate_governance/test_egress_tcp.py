"""Addresses for connections that are not HTTP: the same policy, the protocol's own ports."""

from __future__ import annotations

import pytest

from automate_governance.egress import EgressDenied, EgressPolicy, InvalidTarget, NameNotResolved, checked_addresses

OPEN = EgressPolicy()


@pytest.mark.parametrize(
    ("scheme", "host", "port"),
    [
        ("postgresql", "8.8.8.8", 5432),
        ("postgresql", "8.8.8.8", 6432),
        ("smtp", "8.8.8.8", 587),
        ("smtp", "8.8.8.8", 25),
    ],
)
def test_a_public_address_at_the_protocols_port_may_be_connected_to(scheme, host, port):
    assert checked_addresses(scheme, host, port, policy=OPEN) == [host]


@pytest.mark.parametrize(
    ("scheme", "host", "port", "reason"),
    [
        ("smtp", "10.0.0.5", 587, "private"),
        ("smtp", "127.0.0.1", 25, "loopback"),
        ("postgresql", "169.254.169.254", 5432, "link-local, cloud metadata"),
        ("postgresql", "::ffff:127.0.0.1", 5432, "IPv4-mapped"),
        ("postgresql", "localhost", 5432, "loopback"),
        ("postgresql", "8.8.8.8", 587, "port"),
        ("smtp", "8.8.8.8", 5432, "port"),
        ("smtp", "8.8.8.8", 22, "port"),
    ],
)
def test_what_http_may_not_reach_neither_may_a_mail_or_database_client(scheme, host, port, reason):
    with pytest.raises(EgressDenied) as raised:
        checked_addresses(scheme, host, port, policy=OPEN)

    assert raised.value.details["reason"] == reason


@pytest.mark.parametrize("host", ["user@host", "a/b", "0x7f.1", "", "a b", "h?x", "h#x", None])
def test_a_host_that_can_be_read_in_two_ways_is_refused(host):
    with pytest.raises(InvalidTarget):
        checked_addresses("postgresql", host, 5432, policy=OPEN)


def test_an_unknown_protocol_has_no_way_out():
    with pytest.raises(InvalidTarget, match="gopher"):
        checked_addresses("gopher", "8.8.8.8", 70, policy=OPEN)


def test_the_allowlist_names_hosts_for_the_protocols_usual_port():
    policy = EgressPolicy(host_allowlist=("9.9.9.9",))

    assert checked_addresses("postgresql", "9.9.9.9", 5432, policy=policy) == ["9.9.9.9"]
    for host, port in (("8.8.8.8", 5432), ("9.9.9.9", 15432)):
        with pytest.raises(EgressDenied) as raised:
            checked_addresses("postgresql", host, port, policy=policy)
        assert raised.value.details["reason"] == "host_allowlist"


def test_a_private_target_is_exact_and_may_be_a_name():
    policy = EgressPolicy(private_targets=("127.0.0.1:5432", "localhost:2525"))

    assert checked_addresses("postgresql", "127.0.0.1", 5432, policy=policy) == ["127.0.0.1"]
    assert "127.0.0.1" in checked_addresses("smtp", "localhost", 2525, policy=policy)
    with pytest.raises(EgressDenied):
        checked_addresses("postgresql", "127.0.0.1", 5433, policy=policy)


def test_a_name_without_address_says_so():
    with pytest.raises(NameNotResolved):
        checked_addresses("smtp", "no-such-host.invalid", 25, policy=OPEN)
