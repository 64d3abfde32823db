"""The database connection's part of a scope: which schema it is at, restored when the scope ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.db import connection

from automate_tenants.context import TenantRef


@contextmanager
def connection_at(tenant: TenantRef | None) -> Iterator[None]:
    """This thread's connection at `tenant`'s schema, or at public alone. Sends nothing: the next query does.

    No state lives outside of this call, so threads cannot mix up whom to return to (`with tenant:` of django-tenants
    does).
    """
    wrapper = cast(Any, connection)  # django-tenants' methods, which the stubs do not know
    previous, with_public = wrapper.tenant, wrapper.include_public_schema
    if tenant is None:
        wrapper.set_schema_to_public()
    else:
        wrapper.set_tenant(tenant)
    try:
        yield
    finally:
        wrapper.set_tenant(previous, include_public=with_public)
