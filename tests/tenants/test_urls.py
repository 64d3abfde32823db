"""Requests to many workspaces share one URLconf: none is made and no cache is cleared on the way."""

from __future__ import annotations

import sys

import pytest
from django.test import Client
from django.urls import get_resolver, get_urlconf

from tests.support.workspaces import Workspace


@pytest.mark.django_db
def test_no_request_makes_a_urlconf(tenant_a: Workspace, tenant_b: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """django-tenants' own subfolder middleware does both on every request."""
    cleared: list[str] = []
    monkeypatch.setattr("django.urls.base.clear_url_caches", lambda: cleared.append("base"))
    monkeypatch.setattr("django.urls.clear_url_caches", lambda: cleared.append("urls"))
    browser = Client(headers={"host": "testserver"})
    browser.get(f"/w/{tenant_a.ref.slug}/runs/")
    resolver, modules = get_resolver(get_urlconf()), set(sys.modules)

    for tenant in (tenant_b, tenant_a, tenant_b):
        assert browser.get(f"/w/{tenant.ref.slug}/runs/").status_code == 302

    assert get_resolver(get_urlconf()) is resolver
    assert cleared == []
    assert set(sys.modules) == modules
