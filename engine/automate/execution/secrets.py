"""Secrets for the steps of a worker's runs: who may use them is checked, what was read is remembered for 30 s.

A step gets what its own definition names, never what the data of a run brings, and only while the one who published
the version may still use secrets. A rotation drops what is remembered with the next claim of the same scope, else the
30 s do (promise "revoke/rotate effective <= 60 s").
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, Protocol, TypeVar
from uuid import UUID

from automate import host, secrets
from automate.models import WorkflowVersion
from automate.outbox.store import OutboxStore
from automate.secrets import references
from automate_connectors.models import ConnectorError
from automate_governance.egress.bound_secrets import allows
from automate_governance.egress.errors import EgressDenied, InvalidTarget
from automate_governance.egress.target import parse_target
from automate_governance.secrets import SecretNotAllowed, SecretNotFoundError, SecretsUnavailable, SecretValue

Answer = TypeVar("Answer")

KEPT_SECONDS = 30.0
MAX_KEPT = 10_000  # values of all scopes together


class InDatabase(Protocol):
    """Runs a blocking call in a database thread."""

    def __call__(self, work: Callable[[], Answer], /) -> Awaitable[Answer]: ...


class SecretReader:
    """One per worker; its methods belong to the worker's event loop. What it keeps is keyed by the claim's scope."""

    def __init__(self, store: OutboxStore, in_database: InDatabase, *, clock: Callable[[], float] = time.monotonic):
        self._store = store
        self._in_database = in_database
        self._clock = clock
        self._kept: OrderedDict[tuple[Hashable, UUID, str], tuple[float, SecretValue]] = OrderedDict()
        self._reading: dict[tuple[Hashable, UUID, str], asyncio.Future[SecretValue]] = {}

    async def read(
        self, scope: Hashable, version_id: UUID, names: Iterable[str], *, declared: set[str]
    ) -> dict[str, SecretValue]:
        """The values of `names` for a step of the version whose definition names `declared`.

        Raises SecretNotAllowed, SecretNotFoundError, SecretUnreadable; ConnectorError (retryable) while the backend is
        away: nothing was sent yet.
        """
        wanted = sorted(set(names))
        if undeclared := [name for name in wanted if name not in declared]:
            raise SecretNotAllowed(
                "The step's definition does not name this secret; data never may.", details={"names": undeclared[:5]}
            )
        try:
            return {name: await self._one(scope, version_id, name) for name in wanted}
        except SecretsUnavailable as error:
            raise ConnectorError(error.message, retryable=True, code=error.code, details=error.details) from None

    def forget(self, scope: Hashable) -> None:
        """Something of the scope's configuration has changed: read again."""
        for key in [key for key in self._kept if key[0] == scope]:
            del self._kept[key]

    async def _one(self, scope: Hashable, version_id: UUID, name: str) -> SecretValue:
        key = (scope, version_id, name)
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        if key not in self._reading:  # runs of one batch that want the same secret share one read
            self._reading[key] = asyncio.ensure_future(self._read(key))
        return await asyncio.shield(self._reading[key])

    async def _read(self, key: tuple[Hashable, UUID, str]) -> SecretValue:
        scope, version_id, name = key
        try:
            value = await self._in_database(lambda: self._read_now(scope, version_id, name))
        finally:
            del self._reading[key]
        self._kept[key] = (self._clock() + KEPT_SECONDS, value)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return value

    def _read_now(self, scope: Hashable, version_id: UUID, name: str) -> SecretValue:
        with self._store.entered(scope):
            publisher = WorkflowVersion.objects.values_list("published_by", flat=True).get(pk=version_id)
            if not host.current().may_use_secret(publisher, name):
                raise SecretNotAllowed(
                    "Whoever published this version may not use secrets any more. Someone who may has to publish it "
                    "again.",
                    details={"name": name, "published_by": publisher},
                )
            return secrets.backend().read(name)


def put_in(value: Any, values: dict[str, SecretValue]) -> Any:
    """A copy of `value` with every `{"$secret": NAME}` and `"$secret:NAME"` replaced. Raises SecretNotFoundError."""
    if isinstance(value, dict):
        name = value.get("$secret")
        if isinstance(name, str) and len(value) == 1:
            return _value_of(name, values)
        return {key: put_in(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [put_in(item, values) for item in value]
    if isinstance(value, str) and value.startswith(secrets.PREFIX):
        return _value_of(value.removeprefix(secrets.PREFIX), values)
    return value


def refuse_foreign_target(params: dict[str, Any], values: dict[str, SecretValue]) -> None:
    """Raise EgressDenied when the step's `url` is no host of a secret it uses: told before anything is connected.

    The request itself is checked again as it is sent (`egress.bound_secrets`), for every connector.
    """
    url = params.get("url")
    if not isinstance(url, str) or not any(value.hosts for value in values.values()):
        return
    try:
        target = parse_target(url)
    except InvalidTarget:
        return  # the connector says so
    for name, value in values.items():
        if not allows(value.hosts, target):
            raise EgressDenied(
                f'The secret "{name}" may be sent to {", ".join(value.hosts)} only, not to {target.host}.',
                details={"name": name, "host": target.host, "port": target.port, "reason": "secret_host"},
            )


def names_in(value: Any) -> set[str]:
    """See `automate.secrets.references.names_in`."""
    return references.names_in(value)


def _value_of(name: str, values: dict[str, SecretValue]) -> str:
    if name not in values:
        raise SecretNotFoundError.named(name)
    return values[name].value
