"""Which tenant is this code working for: one ContextVar, the only source for cache keys, logs and storage prefixes.

There are three states: in a tenant's scope, in the public scope, in none. In none, whatever needs to know raises:
there is no default tenant. Scopes are entered with `tenant_scope` and `public_scope`, which move the database
connection along. Importable without Django: the gateway has none, and never calls the two that move the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, TypeVar

from automate_governance.errors import NormalizedError
from automate_governance.redaction.current import masking_emails

T = TypeVar("T")


@dataclass(frozen=True)
class TenantRef:
    """What is needed to work for a tenant, without a query."""

    id: int
    schema_name: str
    slug: str
    masks_emails: bool | None = field(default=None, compare=False)  # its policy's word; None: not looked for


class NoTenant(NormalizedError):
    """Code that needs a tenant (or the public scope) ran outside of any."""

    code, http_status = "no_tenant", 500


class _Public:
    """The scope of what belongs to no tenant: sign-up, the operator's pages, the command line."""


PUBLIC: Final = _Public()
_scope: ContextVar[TenantRef | _Public | None] = ContextVar("automate_scope", default=None)


def current_tenant() -> TenantRef:
    """The tenant of this scope. Raises NoTenant in the public scope and outside of any."""
    scope = _scope.get()
    if isinstance(scope, TenantRef):
        return scope
    raise NoTenant("No tenant is selected here.")


def tenant_or_none() -> TenantRef | None:
    """The tenant of this scope, for logs and traces that exist outside of tenants too."""
    scope = _scope.get()
    return scope if isinstance(scope, TenantRef) else None


def cache_key(key: str, prefix: str, version: int) -> str:
    """Django's KEY_FUNCTION: every key carries its scope. Raises NoTenant where no scope was entered."""
    scope = _scope.get()
    if scope is None:
        raise NoTenant("The cache was used outside of a tenant's scope and of the public scope.")
    owner = scope.schema_name if isinstance(scope, TenantRef) else "public"
    return f"{owner}:{prefix}:{version}:{key}"


@contextmanager
def tenant_scope(tenant: TenantRef) -> Iterator[TenantRef]:
    """Work for `tenant`: the ContextVar and the connection's schema are set, and both restored at the end."""
    from automate_tenants.scope import connection_at  # Django

    token = _scope.set(tenant)
    try:
        with connection_at(tenant), masking_emails(tenant.masks_emails or False):
            yield tenant
    finally:
        _scope.reset(token)


@contextmanager
def public_scope() -> Iterator[None]:
    """Work for no tenant: only public tables are visible."""
    from automate_tenants.scope import connection_at  # Django

    token = _scope.set(PUBLIC)
    try:
        with connection_at(None):
            yield
    finally:
        _scope.reset(token)


def in_current_scope(func: Callable[[], T]) -> Callable[[], T]:
    """`func`, to be called later, in the scope that is current now."""
    scope = _scope.get()

    def call() -> T:
        entered: AbstractContextManager[object] = nullcontext()
        if scope is not _scope.get():
            if isinstance(scope, TenantRef):
                entered = tenant_scope(scope)
            elif scope is PUBLIC:
                entered = public_scope()
        with entered:
            return func()

    return call
