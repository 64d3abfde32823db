"""`/workspace`: what the page Settings shows and changes, for programs."""

from __future__ import annotations

from typing import Any

import pytest

from automate_tenants.models import Tenant
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db


def test_it_is_read_and_changed_in_part(api: Any, tenant_a: Workspace) -> None:
    before = api.get("/workspace").json()
    changed = api.send("PATCH", "/workspace", {"timezone": "Europe/Vienna"})

    assert before["slug"] == tenant_a.ref.slug
    assert changed.status_code == 200
    assert changed.json() == {**before, "timezone": "Europe/Vienna"}
    assert Tenant.objects.get(pk=tenant_a.ref.id).timezone == "Europe/Vienna"


@pytest.mark.parametrize("body", [{"timezone": "Mars/Olympus"}, {"name": " "}, {"slug": "other"}])
def test_what_cannot_be_is_refused_with_its_name(api: Any, body: dict[str, str]) -> None:
    refused = api.send("PATCH", "/workspace", body)

    assert refused.status_code == 422
    assert next(iter(body)) in str(refused.json())
