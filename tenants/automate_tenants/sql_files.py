"""The SQL functions in `sql/`, here and in the other public apps: installed by the owner on every `automate migrate`.

A file `<name>_v<N>.sql` makes `public.automate_<name>_v<N>`. The version is in the name so that the code of two
releases runs side by side; an older version's file is removed a release after its last caller. Each function is
SECURITY DEFINER with a pinned search_path, and only `automate_app` may execute it; those named `automate_internal_…`
only the owner.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from automate_tenants import roles

_LOCK_KEY = 0x6175746F_53514C46  # "auto" "SQLF": two installs at once would update the same catalog rows


class Connection(Protocol):
    """What is used of a Django connection."""

    alias: str

    def cursor(self) -> Any: ...


def files() -> list[Path]:
    """Every function's file, in the order of installation; those that others call come first."""
    found = [file for folder in folders() for file in folder.glob("*_v*.sql")]
    return sorted(found, key=lambda file: (not file.stem.startswith("internal_"), file.stem))


def folders() -> list[Path]:
    """`sql/` of each app whose tables are public."""
    shared = [app for app in apps.get_app_configs() if app.name in settings.SHARED_APPS]
    return [Path(app.path) / "sql" for app in shared]


def install(connection: Connection) -> list[str]:
    """Install every file and its rights in one transaction, as the owner; may be repeated. Returns the functions'
    names.

    Raises ImproperlyConfigured when a file does not make its function, or makes one that is not SECURITY DEFINER with
    a pinned search_path.
    """
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
        for file in files():
            cursor.execute(file.read_text(encoding="utf-8"))
        _check(cursor)
        return _grant(cursor)


def _check(cursor: Any) -> None:
    found = {name: is_safe for name, _, is_safe in _functions(cursor)}
    for file in files():
        name = f"automate_{file.stem}"
        if name not in found:
            raise ImproperlyConfigured(f"{file.name} does not make the function public.{name}.")
        if not found[name]:
            raise ImproperlyConfigured(f"public.{name} must be SECURITY DEFINER with a pinned search_path.")


def _grant(cursor: Any) -> list[str]:
    has_app = roles.exists(cursor, roles.APP)
    names = []
    for name, signature, _ in _functions(cursor):
        cursor.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        if has_app and not name.startswith("automate_internal_"):
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {roles.APP}")
        names.append(name)
    return names


def _functions(cursor: Any) -> list[tuple[str, str, bool]]:
    """(name, quoted signature, is it safe) of every versioned function of ours in public."""
    cursor.execute(
        r"""SELECT p.proname, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
                   p.prosecdef AND coalesce(array_to_string(p.proconfig, ','), '') LIKE '%search\_path=pg\_catalog%'
              FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE n.nspname = 'public' AND p.proname ~ '^automate_[a-z_]+_v[0-9]+$' ORDER BY 1, 2"""
    )
    return list(cursor.fetchall())
