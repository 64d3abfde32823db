"""A new workspace's schema: made in one statement, the same as migrations make it, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from automate.models import Event
from automate_tenants.context import TenantRef, tenant_scope
from automate_tenants.models import DispatchTenant, Tenant, TenantTemplate
from automate_tenants.provisioning import InvalidSlug, SlugTaken, new_schema_name, provision, ref
from automate_tenants.template import code_version, leaf_targets, render_template
from tests.support.workspaces import Workspace
from tests.tenants.conftest import mark, marks

SHAPE = """ SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' '
|| a.attidentity::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace =
%(schema)s::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped UNION ALL SELECT 'index',
c.relname, i.relname, replace(pg_get_indexdef(x.indexrelid), %(schema)s, 'S') FROM pg_index x JOIN pg_class c ON c.oid
= x.indrelid JOIN pg_class i ON i.oid = x.indexrelid WHERE c.relnamespace = %(schema)s::regnamespace UNION ALL SELECT
'constraint', c.relname, k.conname, replace(pg_get_constraintdef(k.oid), %(schema)s, 'S') FROM pg_constraint k JOIN
pg_class c ON c.oid = k.conrelid WHERE c.relnamespace = %(schema)s::regnamespace UNION ALL SELECT 'trigger',
c.relname, t.tgname, replace(pg_get_triggerdef(t.oid), %(schema)s, 'S') FROM pg_trigger t JOIN pg_class c ON c.oid =
t.tgrelid WHERE c.relnamespace = %(schema)s::regnamespace AND NOT t.tgisinternal ORDER BY 1, 2, 3, 4
"""


@pytest.mark.django_db
def test_a_new_workspace_works_at_once() -> None:
    tenant = provision(name="Acme", slug="acme", now=timezone.now())

    mark(ref(tenant))
    with tenant_scope(ref(tenant)):
        assert marks() == ["of.acme"]
    stored = Tenant.objects.get(slug="acme")
    assert (stored.schema_name, stored.schema_version) == (tenant.schema_name, code_version())
    dispatch = DispatchTenant.objects.get(tenant_id=tenant.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::regclass::oid", [f"{tenant.schema_name}.automate_outboxjob"])
        assert dispatch.outbox_relid == cursor.fetchone()[0]
    assert not dispatch.ready


@pytest.mark.django_db
def test_it_is_one_round_trip(statements: list[str]) -> None:
    provision(name="Acme", slug="acme", now=timezone.now())
    assert [sql for sql in statements if "SAVEPOINT" not in sql and not sql.startswith("SET search_path")] == [
        "SELECT tenant_id, schema_version FROM public.automate_provision_v1(%s, %s, %s, %s)"
    ]


@pytest.mark.usefixtures("as_owner")
def test_the_template_makes_what_migrations_make(new_tenant: Callable[[str], TenantRef]) -> None:
    made = new_tenant("acme")
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA t_migrated")
    with tenant_scope(TenantRef(0, "t_migrated", "migrated")):
        executor = MigrationExecutor(connection)
        executor.migrate(leaf_targets(executor.loader))

    def shape(schema: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(SHAPE, {"schema": schema})
            return list(cursor.fetchall())

    def ledger(tenant: TenantRef) -> set[Any]:
        with tenant_scope(tenant):
            return set(MigrationRecorder(connection).applied_migrations())

    assert len(shape("t_migrated")) > 100
    assert shape(made.schema_name) == shape("t_migrated")
    assert ledger(made) == ledger(TenantRef(0, "t_migrated", "migrated"))


@pytest.mark.usefixtures("as_owner")
def test_the_scratch_schema_is_gone_and_rendering_again_changes_nothing() -> None:
    before = TenantTemplate.objects.get().rendered_at
    assert render_template().rendered_at == before
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'automate%'")
        assert cursor.fetchall() == []


@pytest.mark.usefixtures("as_owner")
def test_a_migration_that_inserts_rows_cannot_become_a_template(tomorrow: Callable[[str], str]) -> None:
    tomorrow(
        "operations = [migrations.RunSQL(\"INSERT INTO automate_runstate VALUES (gen_random_uuid(), '', now())\")]"
    )
    with pytest.raises(ImproperlyConfigured, match="automate_runstate"):
        render_template()
    assert TenantTemplate.objects.count() == 1


@pytest.mark.usefixtures("as_owner")
def test_an_index_built_concurrently_becomes_a_plain_one_in_the_template(
    tomorrow: Callable[[str], str], new_tenant: Callable[[str], TenantRef]
) -> None:
    tomorrow(
        "atomic = False\n"
        "    operations = [__import__('django.contrib.postgres.operations', fromlist=['x']).AddIndexConcurrently("
        "'event', models.Index(fields=['source'], name='event_source_idx'))]"
    )
    assert "CONCURRENTLY" not in render_template().ddl
    tenant = new_tenant("acme")
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{tenant.schema_name}.event_source_idx"])
        assert cursor.fetchone() == (True,)


# Names


@pytest.mark.parametrize(
    "slug",
    ["", "a", "C2", "a';drop", 'a"b', "acme\n", "a:b", "a--b", "-a", "a-", "1a", "äpfel", "a" * 41, "www", "api", "app",
     "xn--p1ai", "t-abc", "a.b", "a/b", "a\x00b", "pg_temp", "public"],
)  # fmt: skip
@pytest.mark.django_db
def test_an_address_that_is_not_one_is_refused(slug: str) -> None:
    with pytest.raises(InvalidSlug):
        provision(name="Acme", slug=slug, now=timezone.now())


@pytest.mark.parametrize(
    "schema",
    ["public", "t_ABCDEFGHIJKLMNOP", "t_aaaaaaaaaaaaaaaa\n", "t_'; drop table x; --", 't_"aaaaaaaaaaaaaaa', "", "pg_t"],
)
@pytest.mark.django_db
def test_the_function_itself_refuses_other_names_of_schemas(schema: str) -> None:
    with pytest.raises(DatabaseError, match="not a name of a tenant schema"), connection.cursor() as cursor:
        cursor.execute("SELECT public.automate_provision_v1(%s, 'acme', 'Acme', now())", [schema])


def test_schema_names_are_random_and_hold_nothing_of_the_customer() -> None:
    names = {new_schema_name() for _ in range(200)}
    assert len(names) == 200
    assert all(re.fullmatch(r"t_[a-z2-7]{16}", name) for name in names)


# Nothing is left of what failed


@pytest.mark.django_db
def test_a_taken_address_leaves_no_schema(owner_connection: psycopg.Connection[Any]) -> None:
    provision(name="Acme", slug="acme", now=timezone.now())
    schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 't\\_%'"
    with connection.cursor() as cursor:
        cursor.execute(schemas)
        before = cursor.fetchone()
        with pytest.raises(SlugTaken):
            provision(name="Other", slug="acme", now=timezone.now())
        cursor.execute(schemas)
        assert cursor.fetchone() == before


@pytest.mark.django_db(transaction=True)
def test_of_two_that_want_one_address_one_gets_it(at_once: Callable[..., list[Any]]) -> None:
    def attempt() -> str:
        try:
            return provision(name="Acme", slug="acme", now=timezone.now()).slug
        except SlugTaken:
            return "taken"

    assert sorted(at_once(attempt, attempt, attempt)) == ["acme", "taken", "taken"]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM pg_namespace n WHERE nspname LIKE 't\\_%'
                AND NOT EXISTS (SELECT FROM automate_tenants_tenant t WHERE t.schema_name = n.nspname)"""
        )
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_a_rolled_back_sign_up_leaves_nothing() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        tenant = provision(name="Acme", slug="acme", now=timezone.now())
        raise ZeroDivisionError
    with tenant_scope(ref(tenant)), pytest.raises(ProgrammingError), transaction.atomic():
        Event.objects.count()
    assert not Tenant.objects.filter(slug="acme").exists()
    assert not DispatchTenant.objects.filter(schema_name=tenant.schema_name).exists()


# What django-tenants offers and would mix tenants up


@pytest.mark.django_db
def test_a_workspace_cannot_be_made_without_its_schema() -> None:
    with pytest.raises(TypeError, match="provision"):
        Tenant.objects.create(schema_name="t_aaaaaaaaaaaaaaaa", slug="ghost", name="Ghost", created_at=timezone.now())


@pytest.mark.django_db
def test_a_workspace_just_made_can_be_changed() -> None:
    tenant = provision(name="Acme", slug="acme", now=timezone.now())
    tenant.name = "Acme Inc"
    tenant.save(update_fields=["name"])
    assert Tenant.objects.get(slug="acme").name == "Acme Inc"


@pytest.mark.django_db
def test_the_ways_of_django_tenants_into_a_tenant_are_closed(tenant_a: Workspace) -> None:
    tenant = Tenant.objects.get(pk=tenant_a.ref.id)
    with pytest.raises(TypeError), tenant:
        pass
    with pytest.raises(TypeError):
        tenant.activate()
    assert connection.schema_name == "public"


@pytest.mark.django_db
def test_deleting_a_row_drops_no_schema(tenant_a: Workspace) -> None:
    """A workspace is suspended, exported and dropped by a job; a stray delete() must not take its data along."""
    Tenant.objects.get(pk=tenant_a.ref.id).delete()
    with tenant_scope(tenant_a.ref):
        assert Event.objects.count() == 0  # the table is there
