"""A PostgreSQL backend on which a query runs in the schema that was asked for, or not at all.

django-tenants swallows a failed `SET search_path` and then runs the query in whatever schema was set before: another
tenant's. Here that is an error. What else may part the remembered search_path from the server's, and what we do:

- ROLLBACK, ROLLBACK TO SAVEPOINT, a COMMIT that PostgreSQL turns into a rollback, a new or pooled connection:
  forgotten;
- anything else (raw `SET`, `RESET ALL`, a pooler that swaps servers): PostgreSQL 18 reports search_path with every
  change, so it is compared before each cursor, without a round trip. Older servers do not report it;
- a cursor kept open across a change of tenant: its next statement is refused;
- an on_commit hook that runs after its tenant's scope has ended: it runs in the scope it was registered in.

A schema that does not exist is silently skipped by PostgreSQL. No tenant table ever exists in `public`, so its
queries fail. It overrides private methods of django-tenants 4.0: `tests/tenants/test_backend.py` guards that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError
from django.db.backends.postgresql.base import CursorDebugWrapper
from django.db.backends.utils import CursorWrapper
from django_tenants.postgresql_backend import base as django_tenants_backend
from psycopg.pq import TransactionStatus

from automate_tenants import context


class SearchPathNotSet(DatabaseError):
    """The schema could not be selected; nothing was run."""


class StaleCursor(DatabaseError):
    """The cursor was opened for one schema and used after the connection moved to another; nothing was run."""


class _BoundToSchema:
    """Refuses statements once the connection has moved to another schema than the one the cursor was opened for."""

    db: Any

    def bind(self) -> None:
        self._schema_name = self.db.schema_name

    def _check(self) -> None:
        if self.db.schema_name != self._schema_name:
            raise StaleCursor(
                f"This cursor belongs to {self._schema_name}; the connection is at {self.db.schema_name}."
            )

    def execute(self, sql: Any, params: Any = None) -> Any:
        self._check()
        return super().execute(sql, params)  # type: ignore[misc]

    def executemany(self, sql: Any, param_list: Any) -> Any:
        self._check()
        return super().executemany(sql, param_list)  # type: ignore[misc]

    def callproc(self, procname: Any, params: Any = None, kparams: Any = None) -> Any:
        self._check()
        return super().callproc(procname, params, kparams)  # type: ignore[misc]


class _Cursor(_BoundToSchema, CursorWrapper):
    def copy(self, *args: Any, **kwargs: Any) -> Any:
        self._check()
        return self.cursor.copy(*args, **kwargs)


class _DebugCursor(_BoundToSchema, CursorDebugWrapper):
    def copy(self, statement: Any) -> Any:
        self._check()
        return super().copy(statement)


class DatabaseWrapper(django_tenants_backend.DatabaseWrapper):  # type: ignore[misc]  # django-tenants has no types
    """django-tenants' wrapper, failing closed."""

    def connect(self) -> None:
        self.search_path_set_schemas = None  # a new connection, or a pooled one with a previous user's path
        super().connect()

    def set_settings_schema(self, schema_name: str) -> None:
        """Nothing: `settings_dict` is shared by every thread, so the current schema has no place there."""

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        bound = _Cursor(cursor, self)
        bound.bind()
        return bound

    def make_debug_cursor(self, cursor: Any) -> CursorDebugWrapper:
        bound = _DebugCursor(cursor, self)
        bound.bind()
        return bound

    def on_commit(self, func: Callable[[], object], robust: bool = False) -> None:
        """Register `func`; it runs after the commit, in the scope (tenant, public or none) that is current now."""
        super().on_commit(context.in_current_scope(func), robust=robust)

    def _commit(self) -> Any:
        was_aborted = self._transaction_status() == TransactionStatus.INERROR
        try:
            return super()._commit()
        finally:
            if was_aborted:  # PostgreSQL answered COMMIT with ROLLBACK, and took our SET back
                self.search_path_set_schemas = None

    def _handle_search_path(self, cursor: Any = None) -> None:
        if self._setting_search_path:
            return
        is_aborted = self._transaction_status() == TransactionStatus.INERROR
        if not is_aborted and self.search_path_set_schemas and not self._server_agrees():
            self.search_path_set_schemas = None
        super()._handle_search_path(cursor)
        if is_aborted:  # every statement but a rollback fails; the rollback makes us forget the path
            return
        if not self.search_path_set_schemas or not self._server_agrees():
            self.search_path_set_schemas = None
            raise SearchPathNotSet(f"Could not select schema {self.schema_name}; nothing was run.")

    def _transaction_status(self) -> TransactionStatus | None:
        """What libpq knows, without a round trip; None when not connected."""
        return None if self.connection is None else self.connection.info.transaction_status

    def _server_agrees(self) -> bool:
        """Whether the search_path that the server last reported is the one we remember; yes where it reports none."""
        reported = self.connection.info.parameter_status("search_path")
        if reported is None:  # PostgreSQL < 18
            return True
        return [part.strip().strip('"') for part in reported.split(",")] == self.search_path_set_schemas
