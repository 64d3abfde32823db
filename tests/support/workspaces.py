"""Two workspaces, opened as sign-up opens them: what is done in one must never be seen in the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.database import restorer

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from automate_tenants.context import TenantRef


@dataclass(frozen=True)
class Workspace:
    """A workspace, its owner, and what its owner was shown once."""

    ref: TenantRef
    owner: User
    password: str
    api_key: str
    webhook_url_path: str
    opened: Any  # automate_tenants.onboarding.OpenedWorkspace


@pytest.fixture(scope="session")
def workspaces(django_db_setup: None, django_db_blocker: Any) -> tuple[Workspace, Workspace]:
    with django_db_blocker.unblock():
        made = (_open("alpha"), _open("beta"))
        restorer.snapshot()
    return made


@pytest.fixture
def tenant_a(workspaces: tuple[Workspace, Workspace]) -> Workspace:
    return workspaces[0]


@pytest.fixture
def tenant_b(workspaces: tuple[Workspace, Workspace]) -> Workspace:
    return workspaces[1]


def _open(slug: str) -> Workspace:
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from automate_tenants.context import TenantRef, public_scope
    from automate_tenants.onboarding import open_workspace

    email, password = f"owner@{slug}.example", f"{slug}-correct-horse"
    with public_scope():
        owner = get_user_model().objects.create_user(username=email, email=email, password=password)
        opened = open_workspace(name=slug.title(), slug=slug, owner_id=owner.pk, now=timezone.now())
    tenant = opened.tenant
    ref = TenantRef(id=tenant.pk, schema_name=tenant.schema_name, slug=tenant.slug)
    return Workspace(ref, owner, password, opened.api_key, opened.webhook_url_path, opened)
