"""What may be called: the host allowlist, the ports, and the installation's exact private targets."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from automate_governance.egress.addresses import denial
from automate_governance.egress.errors import EgressDenied, InvalidTarget
from automate_governance.egress.target import Target, parse_target

# Ports of other protocols that a crafted HTTP body could speak to. Source: the Fetch standard, "bad ports".
DENIED_PORTS = frozenset(
    (
        *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109),
        *(110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530),
        *(531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045),
        *(4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
        *(2379, 3306, 5432, 5672, 6379, 9042, 11211, 27017),  # and the usual data stores
    )
)


@dataclass(frozen=True)
class EgressPolicy:
    """One caller's rules. Equal policies share connections (within one pool key), different ones never do.

    `allow_ssrf`: private addresses are allowed too; for installations without tenants.
    `private_targets`: exact `host:port` allowed although private; set by the installation, never by a tenant.
    `host_allowlist`: `"*"`, `"api.stripe.com"`, `"*.stripe.com"` (subdomains at any depth, not the name itself), each
    with `:port`, or `:*` for every port; without one, the protocol's own (HTTP: 80 and 443).
    `further_allowlists`: (whose, entries) of the layers below, each of which must name the target too.
    Raises ValueError for an entry that can never match.
    """

    allow_ssrf: bool = False
    private_targets: tuple[str, ...] = ()
    host_allowlist: tuple[str, ...] = ("*",)
    further_allowlists: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "private_targets", tuple(_host_and_port(entry) for entry in _texts(self.private_targets))
        )
        object.__setattr__(
            self, "host_allowlist", tuple(_checked_entry(entry) for entry in _texts(self.host_allowlist))
        )
        further = tuple(
            (whose, tuple(_checked_entry(entry) for entry in _texts(entries)))
            for whose, entries in self.further_allowlists
        )
        object.__setattr__(self, "further_allowlists", further)

    def check(self, target: Target) -> None:
        """Raise EgressDenied unless `target` may be called, as far as its URL tells."""
        self.check_host(target)
        if self.is_private_target(target.host, target.port):
            return
        if target.port in DENIED_PORTS - target.usual_ports:
            raise EgressDenied(
                f"Port {target.port} belongs to another protocol.",
                details={"host": target.host, "port": target.port, "reason": "port"},
            )
        if target.is_address:
            self.check_addresses(target.host, target.port, [target.host])
        elif not self.allow_ssrf and (target.host == "localhost" or target.host.endswith(".localhost")):
            raise _denied(target.host, target.port, "loopback")

    def check_host(self, target: Target) -> None:
        """Raise EgressDenied unless every allowlist names `target`; `details.layer` says whose does not."""
        for whose, entries in (("installation", self.host_allowlist), *self.further_allowlists):
            if not any(_matches(entry, target) for entry in entries):
                raise EgressDenied(
                    f"The {whose} policy's host allowlist does not name {target.host}:{target.port}.",
                    details={
                        "host": target.host,
                        "port": target.port,
                        "reason": "host_allowlist",
                        "rule": "host_allowlist",
                        "layer": whose,
                    },
                )

    def check_addresses(self, host: str, port: int, addresses: Iterable[str]) -> None:
        """Raise EgressDenied if any of the addresses of `host` is not allowed: one bad answer spoils all."""
        if self.allow_ssrf or self.is_private_target(host, port):
            return
        for address in addresses:
            if why := denial(address):
                raise _denied(host, port, why)

    def is_private_target(self, host: str, port: int) -> bool:
        return bool(self.private_targets) and f"{host}:{port}" in self.private_targets


def covers(pattern: str, target: Target) -> bool:
    """Whether an allowlist's entry, well formed, names `target`.

    >>> covers("*.stripe.com", parse_target("https://api.stripe.com/"))
    True
    """
    return _matches(_spelled(pattern), target)


def default_policy() -> EgressPolicy:
    """The installation's policy: `DJANGO_AUTOMATE["POLICY"]`, or the strict one in a process without Django."""
    django_conf = sys.modules.get("django.conf")  # looked up, not imported: this layer needs no Django
    policy: dict[str, Any] = {}
    if django_conf is not None and (django_conf.settings.configured or "DJANGO_SETTINGS_MODULE" in os.environ):
        policy = getattr(django_conf.settings, "DJANGO_AUTOMATE", {}).get("POLICY", {})
    return _policy(
        bool(policy.get("allow_ssrf", False)),
        tuple(_texts(policy.get("private_targets", ()))),
        tuple(_texts(policy.get("host_allowlist", ("*",)))),
    )


@lru_cache(maxsize=64)  # asked for on every call; reading the entries costs more than the check
def _policy(allow_ssrf: bool, private_targets: tuple[str, ...], host_allowlist: tuple[str, ...]) -> EgressPolicy:
    return EgressPolicy(allow_ssrf, private_targets, host_allowlist)


def _denied(host: str, port: int, why: str) -> EgressDenied:
    """Says which kind of address, not which one: internal addresses are nobody's business outside."""
    return EgressDenied(
        f"{host} leads to an address that may not be called ({why}).",
        details={"host": host, "port": port, "reason": why},
    )


def _texts(entries: Iterable[str]) -> Iterable[str]:
    if isinstance(entries, str):
        raise ValueError(f"{entries!r} must be a list of texts, not one text.")
    return entries


def _host_and_port(entry: str) -> str:
    """The private target in its one spelling. Raises ValueError."""
    host, port = _split(entry)
    target = _parse_entry(host, port)
    if target is None or not port.isdigit():
        raise ValueError(f"Private target {entry!r} is not an exact host:port.")
    return f"{target.host}:{target.port}"


def _checked_entry(entry: str) -> str:
    """The allowlist entry in its one spelling. Raises ValueError."""
    if entry == "*":
        return entry
    host, port = _split(entry)
    bare = host.removeprefix("*.")
    target = _parse_entry(bare, port)
    if target is None or (bare != host and target.is_address):
        raise ValueError(f"Allowlist entry {entry!r} is neither a host, *.host nor either with :port.")
    shown = f"[{target.host}]" if ":" in target.host else target.host
    return ("*." if bare != host else "") + shown + (f":{port}" if port else "")


@lru_cache(maxsize=4096)
def _spelled(pattern: str) -> str:
    return _checked_entry(pattern)


def _parse_entry(host: str, port: str) -> Target | None:
    if port not in ("", "*") and not port.isdigit():
        return None
    try:
        target = parse_target(f"http://{host}:{port if port.isdigit() else 80}/")
    except InvalidTarget:
        return None
    return target if target.path == "/" else None


def _matches(entry: str, target: Target) -> bool:
    if entry == "*":
        return True
    host, port = _split(entry)
    if host.startswith("*."):
        fits = not target.is_address and target.host.endswith(host[1:])
    else:
        fits = target.host == host.strip("[]")
    if port == "*":
        return fits
    return fits and (target.port == int(port) if port else target.port in target.usual_ports)


@lru_cache(maxsize=1024)
def _split(entry: str) -> tuple[str, str]:
    """Host and port of an entry; the port is "" where there is none, an IPv6 host keeps its brackets."""
    host, colon, port = entry.rpartition(":")
    return (entry, "") if not colon or entry.endswith("]") else (host, port)
