"""`automate tenants create|list|suspend`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from automate_governance.errors import NotFound
from automate_platform.cli import _django, data

ACTOR = "operator:command line"


def run(options: argparse.Namespace) -> int:
    _django.setup()
    from automate_tenants.context import public_scope

    with public_scope():
        data.show(VERBS[options.verb](options), as_json=options.json)
    return 0


def _create(options: argparse.Namespace) -> dict[str, Any]:
    from automate_platform.workspaces import open_for

    return open_for(email=options.owner, slug=options.slug, name=options.name or options.slug)


def _list(options: argparse.Namespace) -> list[dict[str, Any]]:
    from automate_tenants.models import Tenant

    rows = Tenant.objects.order_by("slug")
    return [{"slug": t.slug, "name": t.name, "status": t.status, "created_at": t.created_at.isoformat()} for t in rows]


def _suspend(options: argparse.Namespace) -> dict[str, Any]:
    from django.utils import timezone

    from automate_tenants import onboarding
    from automate_tenants.models import Tenant

    found = Tenant.objects.filter(slug=options.slug).first()
    if found is None:
        raise NotFound(f"There is no workspace {options.slug!r}. See: automate tenants list")
    if options.undo:
        changed = onboarding.resume(tenant_id=found.pk, actor=ACTOR, now=timezone.now())
    else:
        changed = onboarding.suspend(tenant_id=found.pk, actor=ACTOR, reason=options.reason, now=timezone.now())
    return {"slug": changed.slug, "status": str(changed.status)}


VERBS: dict[str, Callable[[argparse.Namespace], Any]] = {"create": _create, "list": _list, "suspend": _suspend}
