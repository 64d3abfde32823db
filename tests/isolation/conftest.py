"""Workspace A full of canaries, and everybody who might come to its doors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from automate_tenants.context import public_scope
from automate_tenants.models import Membership
from tests.isolation.planted import Planted, plant
from tests.support.workspaces import Workspace

LOGIN_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
Visit = Callable[..., Client]


@pytest.fixture
def planted(db: None, tenant_a: Workspace) -> Planted:
    return plant(tenant_a.ref)


@pytest.fixture
def planted_b(db: None, tenant_b: Workspace) -> Planted:
    """The same in B, for its own key and ids."""
    return plant(tenant_b.ref)


def host_of(workspace: Workspace) -> str:
    return f"{workspace.ref.slug}.localhost"


def client(host: str, **extra: Any) -> Client:
    return Client(raise_request_exception=False, headers={"host": host}, **extra)


def logged_in(user: Any, workspace: Workspace | None, host: str) -> Client:
    """A browser with a session that was opened in `workspace` (None: on the app's host), at `host`.

    The session is made as `handover/` makes it, so the cookie is one that our own log-in would have given.
    """
    from automate_tenants.middleware.membership import SESSION_TENANT_KEY

    browser = client(host)
    with public_scope():
        browser.force_login(user, backend=LOGIN_BACKEND)
        session = browser.session
        session[SESSION_TENANT_KEY] = workspace.ref.id if workspace else 0
        session.save()
    return browser


def new_member(workspace: Workspace, role: str) -> Any:
    with public_scope():
        email = f"a-{role}@{workspace.ref.slug}.example"
        user = get_user_model().objects.create_user(username=email, email=email)
        Membership.objects.create(user=user, tenant_id=workspace.ref.id, role=role, created_at=timezone.now())
    return user
