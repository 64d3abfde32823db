"""Keys of every kind for the first workspace, and rows in it."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest
from django.utils import timezone

from automate_tenants.context import public_scope
from automate_tenants.keys import ALL_SCOPES, create_key
from tests.support.workspaces import Workspace
from tests.web.api.support import Api, Rows

MakeApi = Callable[..., Api]


@pytest.fixture
def make_api(db: None, tenant_a: Workspace) -> MakeApi:
    """`make_api("runs:read")`: a client whose key has these scopes."""

    def make(*scopes: str, workspace: Workspace = tenant_a) -> Api:
        return Api(new_key(workspace, scopes))

    return make


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    """A client whose key may do everything in the first workspace."""
    return make_api(*ALL_SCOPES)


@pytest.fixture
def rows(db: None, tenant_a: Workspace) -> Rows:
    return Rows(tenant_a.ref)


def new_key(workspace: Workspace, scopes: Collection[str]) -> str:
    with public_scope():
        _, plain = create_key(
            by_owner=True,
            tenant_id=workspace.ref.id,
            name="test",
            scopes=scopes,
            created_by="user:1",
            now=timezone.now(),
        )
    return plain
