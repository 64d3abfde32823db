"""`--schema` of the engine's commands: which tenant they work in, where a platform hosts many."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.core.management.base import CommandError

from automate import host


def in_schema(schema: str | None) -> AbstractContextManager[Any]:
    """The scope of the tenant with this schema; of the one schema there is, without a name. Raises CommandError."""
    if schema is None:
        return nullcontext()
    scope = getattr(host.current(), "scope", None)
    if scope is None:
        raise CommandError("--schema is for a platform that hosts many tenants; this one does not.", returncode=2)
    entered: AbstractContextManager[Any] = scope(schema)
    return entered
