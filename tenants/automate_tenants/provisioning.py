"""Provisioning: a workspace's row, schema and tables in one transaction and one round trip.

The work is `sql/provision_v1.sql`, which runs as the owner role: the application's own role may not make schemas.
Nothing of a failed provisioning is left, and no schema exists without its row in `Tenant` and its place in the
dispatch.
"""

from __future__ import annotations

import base64
import re
import secrets
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from automate.policy.installation import ceiling
from automate_governance.errors import Conflict, Invalid
from automate_tenants.context import TenantRef
from automate_tenants.models import Tenant
from automate_tenants.slugs import find_slug_problem

SCHEMA_NAME = re.compile(r"t_[a-z2-7]{16}")


class SlugTaken(Conflict):
    """Another workspace has this address."""

    code = "slug_taken"


class InvalidSlug(Invalid):
    """The address cannot be a workspace's: its form is wrong or the name is reserved."""

    code = "invalid_slug"


def provision(*, name: str, slug: str, now: datetime) -> Tenant:
    """A new workspace, ready to use. Raises InvalidSlug or SlugTaken; nothing is left then."""
    if problem := find_slug_problem(slug):
        raise InvalidSlug(problem, details={"param": "slug"})
    schema_name = new_schema_name()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT tenant_id, schema_version FROM public.automate_provision_v1(%s, %s, %s, %s)",
                [schema_name, slug, name, now],
            )
            tenant_id, version = cursor.fetchone()
            if masks := ceiling().mask_emails is not None:
                Tenant.objects.filter(pk=tenant_id).update(masks_emails=True)
    except IntegrityError as error:
        raise SlugTaken("That address is taken.", details={"param": "slug"}) from error
    tenant = Tenant(id=tenant_id, schema_name=schema_name, slug=slug, name=name, schema_version=version, created_at=now)
    tenant.masks_emails = masks
    tenant._state.adding, tenant._state.db = False, connection.alias  # the function has stored it
    return tenant


def new_schema_name() -> str:
    """`t_` and 80 random bits in base32: opaque, never the customer's text.

    >>> bool(SCHEMA_NAME.fullmatch(new_schema_name()))
    True
    """
    return "t_" + base64.b32encode(secrets.token_bytes(10)).decode().lower()


def ref(tenant: Tenant) -> TenantRef:
    """The small, immutable reference that scopes are entered with."""
    return TenantRef(tenant.pk, tenant.schema_name, tenant.slug, masks_emails=bool(tenant.masks_emails))
