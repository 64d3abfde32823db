"""What the engine asks of the place it runs in, and the answers of a plain Django project.

The engine knows nothing of tenants. A platform that hosts many answers these questions per tenant and names its class
in `DJANGO_AUTOMATE["HOST"]` (a dotted path); without it `SingleSchemaHost` serves one project in one schema.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from automate.outbox.store import OutboxStore


class Host(Protocol):
    """The engine's questions. Each is answered for whatever tenant is current, if there are tenants."""

    def data_key(self) -> bytes:
        """The AES-256 key (32 bytes) that seals step state and secrets."""

    def ring(self) -> None:
        """Say that committed work is waiting. Called after the commit; a lost ring delays work, never loses it."""

    def config_changed(self) -> None:
        """Note, inside the caller's transaction, that what runs has changed: published, enabled, disabled."""

    def outbox(self) -> OutboxStore:
        """Where a worker finds work and records what became of it."""


class SingleSchemaHost:
    """One Django project, one schema, one outbox."""

    def data_key(self) -> bytes:
        return hashlib.sha256(b"automate.data-key\x1f" + settings.SECRET_KEY.encode()).digest()

    def ring(self) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify('automate_wake', '')")

    def config_changed(self) -> None:
        """Nothing to note: the store sees it in `Workflow.updated_at`."""

    def outbox(self) -> OutboxStore:
        if connection.vendor == "postgresql":
            from automate.outbox.postgres import PostgresStore

            return PostgresStore()
        from automate.outbox.orm import OrmStore

        return OrmStore()


def current() -> Host:
    """The host named in the settings."""
    options: dict[str, Any] = getattr(settings, "DJANGO_AUTOMATE", {})
    return _load(options.get("HOST", "automate.host.SingleSchemaHost"))


@lru_cache(maxsize=8)
def _load(path: str) -> Host:
    return cast(Host, import_string(path)())
