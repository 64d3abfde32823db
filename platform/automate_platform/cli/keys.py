"""`automate keys create`: an API key, shown once."""

from __future__ import annotations

import argparse

from automate_governance.errors import Invalid, NotFound

from automate_platform.cli import _django, data

SCOPES = (
    "events:write",
    "events:read",
    "runs:read",
    "workflows:read",
    "workflows:write",
    "workflows:publish",
)


def run(options: argparse.Namespace) -> int:
    scopes = options.scope or list(SCOPES)
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise Invalid(f"Unknown scope: {', '.join(unknown)}. There are: {', '.join(SCOPES)}")
    _django.setup()
    from automate_tenants import keys
    from automate_tenants.context import public_scope
    from automate_tenants.models import Tenant
    from django.utils import timezone

    with public_scope():
        tenant = Tenant.objects.filter(slug=options.workspace).first()
        if tenant is None:
            raise NotFound(f"There is no workspace {options.workspace!r}. See: automate tenants list")
        key, plain = keys.create_key(
            tenant_id=tenant.pk, name=options.name, scopes=scopes, created_by="command line", now=timezone.now()
        )
    data.show({"workspace": tenant.slug, "name": key.name, "scopes": key.scopes, "api_key": plain}, as_json=options.json)
    return 0
