"""The gate for what is not HTTP: addresses of a mail server or a database, checked, to connect to and to no other.

The client that speaks the protocol is given one of these addresses in place of the name (libpq's `hostaddr`, a socket
made by hand for SMTP) and goes on using the name for TLS. So a second look-up, which could answer differently, never
happens. The call blocks: clients of these protocols run in threads.
"""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeout

from automate_governance.egress import gate
from automate_governance.egress.bound_secrets import refuse_bound_host
from automate_governance.egress.client import CONNECT_SECONDS
from automate_governance.egress.errors import InvalidTarget, NameNotResolved
from automate_governance.egress.policy import EgressPolicy
from automate_governance.egress.target import USUAL_PORTS, Target, parse_target


def checked_addresses(
    scheme: str, host: str, port: int, *, policy: EgressPolicy, timeout_seconds: float = CONNECT_SECONDS
) -> list[str]:
    """The addresses of `host`, all of them allowed, as text; at least one. `scheme`: postgresql, smtp.

    Raises EgressDenied, InvalidTarget, NameNotResolved. Nothing was connected to.
    """
    target = parse_endpoint(scheme, host, port)
    policy.check(target)
    refuse_bound_host(target)
    addresses = [target.host] if target.is_address else _look_up(target.host, min(timeout_seconds, CONNECT_SECONDS))
    policy.check_addresses(target.host, target.port, addresses)
    return addresses


def parse_endpoint(scheme: str, host: str, port: int) -> Target:
    """Host and port of another protocol, read as strictly as a URL's. Raises InvalidTarget.

    >>> parse_endpoint("smtp", "Mail.Example.com.", 587)
    Target(scheme='smtp', host='mail.example.com', port=587, path='/', is_address=False)
    """
    if scheme not in USUAL_PORTS:
        raise InvalidTarget(f"There is no way out for the protocol {scheme}.")
    if not isinstance(host, str) or any(character in host for character in "/?#%"):
        raise InvalidTarget("The host's name cannot be read.")
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    read = parse_target(f"http://{shown}:{port}/")
    return Target(scheme, read.host, read.port, "/", read.is_address)


def _look_up(host: str, timeout_seconds: float) -> list[str]:
    """The machine's resolver, waited for no longer than the limit; `getaddrinfo` itself knows none."""
    try:
        found = gate.look_up_in_thread(host).result(max(0.001, timeout_seconds))
    except (OSError, FutureTimeout):
        raise NameNotResolved(f"{host} has no address, or no name server answered.") from None
    addresses = list(dict.fromkeys(found))[: gate.MAX_ADDRESSES]
    if not addresses:
        raise NameNotResolved(f"{host} has no address.")
    return addresses
