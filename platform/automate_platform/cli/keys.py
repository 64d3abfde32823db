"""`automate keys create`: an API key, shown once; over the API, or for a workspace of this installation."""

from __future__ import annotations

import argparse

from automate_client.commands import ended
from automate_governance.errors import NotFound
from automate_platform.cli import _django, data


def run(options: argparse.Namespace) -> int:
    if not options.slug:
        options.does = "keys:create"
        return ended(options)
    _django.setup()
    from django.utils import timezone

    from automate_tenants import keys
    from automate_tenants.context import public_scope
    from automate_tenants.models import Tenant

    with public_scope():
        tenant = Tenant.objects.filter(slug=options.slug).first()
        if tenant is None:
            raise NotFound(f"There is no workspace {options.slug!r}. See: automate tenants list")
        key, plain = keys.create_key(
            tenant_id=tenant.pk,
            name=options.name,
            scopes=options.scope or keys.SCOPES,
            created_by="operator:command line",
            by_owner=True,
            is_test=options.test,
            now=timezone.now(),
        )
    data.show(
        {"workspace": tenant.slug, "name": key.name, "scopes": key.scopes, "api_key": plain}, as_json=options.json
    )
    return 0
