"""What the tests of tenancy share: marks in two workspaces, a connection as the owner, a migration of tomorrow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from automate.models import Event
from automate_tenants.audit_chain import chain_tenant
from automate_tenants.context import TenantRef, public_scope, tenant_scope
from automate_tenants.provisioning import provision, ref
from tests.support.database import owner_role
from tests.support.workspaces import Workspace
from tests.tenants.audited import Tamper, write


@pytest.fixture
def marked(tenant_a: Workspace, tenant_b: Workspace, db: None) -> tuple[TenantRef, TenantRef]:
    """Both workspaces, each with one event whose type names the workspace."""
    for tenant in (tenant_a.ref, tenant_b.ref):
        mark(tenant)
    return tenant_a.ref, tenant_b.ref


def mark(tenant: TenantRef) -> None:
    with tenant_scope(tenant):
        Event.objects.create(
            type=f"of.{tenant.slug}", payload={}, source="test", trace_id="0" * 31 + "1", received_at=timezone.now()
        )


def marks() -> list[str]:
    """The marks that a query sees from where the connection is."""
    return list(Event.objects.values_list("type", flat=True))


@pytest.fixture
def as_owner(transactional_db: None) -> Iterator[None]:
    """Every Django connection of this test is the owner role's, as in `automate migrate`."""
    with owner_role():
        yield


@pytest.fixture
def new_tenant(transactional_db: None) -> Callable[[str], TenantRef]:
    """`new_tenant("acme")`: a workspace with tables and nothing in them."""

    def make(slug: str) -> TenantRef:
        return ref(provision(name=slug.title(), slug=slug, now=timezone.now()))

    return make


@pytest.fixture
def tomorrow(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """`tomorrow("operations = [...]")`: the engine's migrations as today, and one more; the name of their package."""
    numbers = iter(range(100))

    def make(body: str) -> str:
        package = f"migrations_of_tomorrow_{next(numbers)}"
        write_migrations(tmp_path / package, body)
        monkeypatch.syspath_prepend(str(tmp_path))
        settings.MIGRATION_MODULES = {"automate": package}
        return package

    yield make
    for name in [name for name in sys.modules if name.startswith("migrations_of_tomorrow_")]:
        del sys.modules[name]


def write_migrations(folder: Path, body: str) -> None:
    """A migrations package that repeats the engine's and adds `9000_tomorrow` with `body` in its class."""
    import automate.migrations as today

    folder.mkdir()
    (folder / "__init__.py").touch()
    names = sorted(file.stem for file in Path(today.__file__).parent.glob("[0-9]*.py"))
    for name in names:
        (folder / f"{name}.py").write_text(
            f"from importlib import import_module\nMigration = import_module('automate.migrations.{name}').Migration\n"
        )
    (folder / "9000_tomorrow.py").write_text(
        "from django.db import migrations, models\n\n\n"
        "class Migration(migrations.Migration):\n"
        f"    dependencies = [('automate', '{names[-1]}')]\n    {body}\n"
    )


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every statement that Django sends on this thread's connection, SET included."""
    sent: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(str(sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield sent


@pytest.fixture
def tamper(tenant_a: Workspace, superuser_connection: psycopg.Connection[Any]) -> Tamper:
    """Runs SQL in A's schema as somebody who may do everything, triggers off."""

    def run(statement: str) -> None:
        superuser_connection.execute("SET session_replication_role = replica")
        superuser_connection.execute(f"SET search_path TO {tenant_a.ref.schema_name}")
        superuser_connection.execute(statement)
        superuser_connection.commit()

    return run


@pytest.fixture
def chained(tenant_a: Workspace) -> Workspace:
    write(tenant_a.ref)
    with public_scope():
        chain_tenant(tenant_a.ref, now=timezone.now())
    return tenant_a
