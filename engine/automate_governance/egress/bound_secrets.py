"""Secrets that may be sent to their own hosts only: checked on the request itself, as it is about to be sent.

What is checked is what leaves: the final URL, headers and body, for every spelling in which a value is usually carried
(plain, URL-encoded, JSON-escaped, base64 at any alignment, hex). Whoever works for a run enters `bound_secrets` around
the call; a ContextVar carries it into threads and tasks, so no connector can forget it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from automate_governance.egress.errors import EgressDenied
from automate_governance.egress.policy import EgressPolicy
from automate_governance.egress.target import Target
from automate_governance.redaction.current import masking
from automate_governance.redaction.values import KnownValues
from automate_governance.secrets.interfaces import SecretValue


@dataclass(frozen=True)
class _Bound:
    known: KnownValues
    hosts: EgressPolicy


_current: ContextVar[tuple[_Bound, ...]] = ContextVar("automate_bound_secrets", default=())


@contextmanager
def bound_secrets(values: Iterable[SecretValue]) -> Iterator[None]:
    """Within this block no request carries a bound value to a host that is not its own, and logs mask every value."""
    values = tuple(values)
    token = _current.set(tuple(_Bound(KnownValues((v.value,)), _policy(v.hosts)) for v in values if v.hosts))
    try:
        with masking(value.value for value in values):
            yield
    finally:
        _current.reset(token)


def carried() -> tuple[_Bound, ...]:
    """What holds here, to be taken to another process by pickle."""
    return _current.get()


def carry(bound: tuple[_Bound, ...]) -> None:
    """Let what held there hold in this process from now on."""
    _current.set(bound)


def refuse_bound(target: Target, headers: Mapping[str, str], body: bytes) -> None:
    """Raise EgressDenied (`secret_host`) if the request carries a value bound to other hosts."""
    foreign = [bound for bound in _current.get() if not _allows(bound.hosts, target)]
    if not foreign:
        return
    texts = [target.url, *(f"{name}: {value}" for name, value in headers.items()), body.decode("utf-8", "replace")]
    if any(bound.known.occurs_in(text) for bound in foreign for text in texts):
        raise EgressDenied(
            f"The request carries a secret that may not be sent to {target.host}:{target.port}. Under Governance, "
            "Stored Secrets, its hosts are listed.",
            details={"host": target.host, "port": target.port, "reason": "secret_host"},
        )


def refuse_bound_host(target: Target) -> None:
    """For a connection whose bytes are not an HTTP request (SMTP, a database): raise EgressDenied if any secret of the
    block is bound to other hosts.
    """
    if any(not _allows(bound.hosts, target) for bound in _current.get()):
        raise EgressDenied(
            f"A secret of this step may not be sent to {target.host}:{target.port}.",
            details={"host": target.host, "port": target.port, "reason": "secret_host"},
        )


def allows(hosts: tuple[str, ...], target: Target) -> bool:
    """Whether a secret bound to `hosts` may be sent to `target`; no hosts, no bounds."""
    return not hosts or _allows(_policy(hosts), target)


def _allows(hosts: EgressPolicy, target: Target) -> bool:
    try:
        hosts.check(target)
    except EgressDenied:
        return False
    return True


@lru_cache(maxsize=1024)  # of host names only
def _policy(hosts: tuple[str, ...]) -> EgressPolicy:
    """The address of a host is another check's business: here only its name counts."""
    return EgressPolicy(allow_ssrf=True, host_allowlist=hosts)
