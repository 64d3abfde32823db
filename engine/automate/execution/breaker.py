"""Circuit breakers: after many failures in a row a host is left alone for a while, and steps wait instead of failing.

closed     calls go through; LIMIT failures in a row that speak of the host (not of the request) open it
open       nobody calls for a while; the steps that would, wait and say so
half-open  then one call goes ahead: its answer closes the breaker, its failure opens it again for twice as long

Kept in the worker's memory, per tenant and host: each worker finds out by itself, and a restart forgets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from automate_connectors.models import ConnectorError
from automate_governance.errors import NormalizedError

LIMIT = 10  # failures in a row
FIRST_OPEN_SECONDS = 30.0
LONGEST_OPEN_SECONDS = 300.0
KEPT = 10_000  # hosts of all tenants

Key = tuple[Hashable, str]


@dataclass
class _Host:
    failures: int = 0
    open_until: datetime | None = None
    open_seconds: float = 0.0
    is_probed: bool = False


class CircuitOpen(NormalizedError):
    """The host has failed many times in a row; nothing was sent."""

    code, http_status = "circuit_open", 503

    def __init__(self, host: str, failures: int, seconds: float):
        super().__init__(
            f"{host} failed {failures} times in a row, so it is left alone for a while; this step waits.",
            details={"host": host, "failures": failures, "wait_seconds": round(seconds, 1)},
        )
        self.seconds = seconds


class CircuitBreakers:
    """One per worker; its methods belong to the worker's event loop."""

    def __init__(self) -> None:
        self._hosts: OrderedDict[Key, _Host] = OrderedDict()

    def enter(self, key: Key, now: datetime) -> None:
        """Ask to call. Raises CircuitOpen; its `seconds` say when to ask again."""
        host = self._hosts.get(key)
        if host is None or host.open_until is None:
            return
        if now < host.open_until:
            raise CircuitOpen(key[1], host.failures, (host.open_until - now).total_seconds())
        if host.is_probed:
            raise CircuitOpen(key[1], host.failures, FIRST_OPEN_SECONDS)
        host.is_probed = True

    def succeeded(self, key: Key) -> None:
        self._hosts.pop(key, None)

    def left(self, key: Key) -> None:
        """The call was given up without an answer: somebody else may go ahead."""
        if key in self._hosts:
            self._hosts[key].is_probed = False

    def failed(self, key: Key, error: BaseException, now: datetime) -> None:
        """Count it, if it speaks of the host."""
        if not speaks_of_host(error):
            self.succeeded(key)
            return
        host = self._hosts.setdefault(key, _Host())
        self._hosts.move_to_end(key)
        host.failures += 1
        if host.is_probed or host.failures == LIMIT:
            longer = host.open_seconds * 2 if host.open_seconds else FIRST_OPEN_SECONDS
            host.open_seconds = min(longer, LONGEST_OPEN_SECONDS)
            host.open_until, host.is_probed = now + timedelta(seconds=host.open_seconds), False
        while len(self._hosts) > KEPT:
            self._hosts.popitem(last=False)


def speaks_of_host(error: BaseException) -> bool:
    """A time-out, a lost connection, "try again later": not an answer that refuses this one request."""
    if isinstance(error, ConnectorError):
        return error.retryable or error.in_doubt
    return not isinstance(error, (NormalizedError, NotImplementedError))


def host_of(connector: str, params: dict[str, Any]) -> str:
    """What a call goes to: the host of its `url`, else the connector as a whole.

    >>> host_of("http", {"url": "https://api.example.com:8443/v1?x=1"}), host_of("slack", {})
    ('api.example.com:8443', 'slack')
    """
    url = params.get("url")
    if isinstance(url, str):
        try:
            return urlsplit(url).netloc.rpartition("@")[2] or connector
        except ValueError:
            return connector
    return connector
