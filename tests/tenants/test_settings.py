"""Choices in the settings that tenancy stands on: each closes a known way for tenants to meet."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from tests.support.workspaces import Workspace


def test_shared_and_tenant_apps_are_disjoint() -> None:
    """search_path is `tenant, public`: a table on both sides would be read from public where the tenant lacks it."""
    assert not set(settings.SHARED_APPS) & set(settings.TENANT_APPS)
    assert {"django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"} <= set(
        settings.SHARED_APPS
    )


@pytest.mark.django_db
def test_no_table_is_in_a_tenants_schema_and_in_public(tenant_a: Workspace) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname IN ('public', %s) AND c.relkind = 'r' GROUP BY 1 HAVING count(*) > 1""",
            [tenant_a.ref.schema_name],
        )
        assert cursor.fetchall() == [("django_migrations",)]  # the runner insists on the tenant's own


@pytest.mark.django_db
def test_content_types_are_public_so_their_cache_holds_for_every_tenant(tenant_a: Workspace) -> None:
    assert ContentType._meta.app_config.name in settings.SHARED_APPS


def test_the_settings_keep_tenants_apart() -> None:
    assert settings.DATABASES["default"]["ENGINE"] == "automate_tenants.backend"
    assert settings.CACHES["default"]["KEY_FUNCTION"] == "automate_tenants.context.cache_key"
    assert settings.SESSION_COOKIE_DOMAIN is None  # host-only: a workspace never sees another's session cookie
    assert settings.CSRF_COOKIE_DOMAIN is None
    assert settings.SKIP_PG_EXTRA_VALIDATION  # else each start of a process loads every schema's name
    assert not getattr(settings, "SHOW_PUBLIC_IF_NO_TENANT_FOUND", False)
    assert not getattr(settings, "PG_EXTRA_SEARCH_PATHS", [])
    assert not any("django_tenants.middleware" in name for name in settings.MIDDLEWARE)


def test_a_pool_is_not_combined_with_kept_connections() -> None:
    database = settings.DATABASES["default"]
    assert not (database.get("OPTIONS", {}).get("pool") and database.get("CONN_MAX_AGE"))
