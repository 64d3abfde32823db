"""Django's migration executor for one tenant among many: what is the same for all of them is done once.

Django's own executor lists every table of the database, of every tenant, several times per run, and builds the graph of
all migrations each time. Here the graph is built once per thread, and the caller has made sure that the tenant has a
ledger of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


class _TenantRecorder(MigrationRecorder):
    def has_table(self) -> bool:
        return True


class TenantExecutor(MigrationExecutor):
    """An executor at the tenant that the connection is at, with a graph built before."""

    def __init__(self, connection: Any, loader: MigrationLoader, progress_callback: Callable[..., None]):
        self.connection = connection
        self.recorder = _TenantRecorder(connection)
        self.progress_callback = progress_callback
        self.loader = self._loader_for_this_tenant(loader)

    def _loader_for_this_tenant(self, shared: MigrationLoader) -> MigrationLoader:
        if shared.replacements:  # a squash: which of its migrations are in the graph depends on the tenant
            return MigrationLoader(self.connection)
        shared.applied_migrations = self.recorder.applied_migrations()  # type: ignore[assignment]  # as Django does
        return shared


def shared_loader() -> MigrationLoader:
    """The graph of this code's migrations, for one thread. Reads no database."""
    return MigrationLoader(None, ignore_no_migrations=True)
