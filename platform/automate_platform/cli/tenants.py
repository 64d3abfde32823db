"""`automate tenants create|list|plan|suspend|partition`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from automate_governance.errors import NotFound
from automate_platform.cli import _django, data

ACTOR = "operator:command line"


def run(options: argparse.Namespace) -> int:
    _django.setup(as_owner=options.verb == "partition")
    from automate_tenants.context import public_scope

    with public_scope():
        data.show(VERBS[options.verb](options), as_json=options.json)
    return 0


def _create(options: argparse.Namespace) -> dict[str, Any]:
    from automate_platform.workspaces import open_for

    return open_for(email=options.owner, slug=options.slug, name=options.name or options.slug)


def _list(options: argparse.Namespace) -> list[dict[str, Any]]:
    from automate_tenants import first_events
    from automate_tenants.models import Tenant

    first_events.note()
    return [
        {
            "slug": tenant.slug,
            "name": tenant.name,
            "status": tenant.status,
            "created_at": tenant.created_at.isoformat(),
            "first_event_at": tenant.first_event_at.isoformat() if tenant.first_event_at else None,
        }
        for tenant in Tenant.objects.order_by("slug")
    ]


def _suspend(options: argparse.Namespace) -> dict[str, Any]:
    from django.utils import timezone

    from automate_tenants import onboarding

    found = find(options.slug)
    if options.undo:
        changed = onboarding.resume(tenant_id=found.pk, actor=ACTOR, now=timezone.now())
    else:
        changed = onboarding.suspend(tenant_id=found.pk, actor=ACTOR, reason=options.reason, now=timezone.now())
    return {"slug": changed.slug, "status": str(changed.status)}


def _plan(options: argparse.Namespace) -> dict[str, Any]:
    from django.utils import timezone

    from automate_billing import plans, subscriptions

    found, now = find(options.slug), timezone.now()
    if options.plan:
        subscriptions.change_plan(tenant_id=found.pk, plan=options.plan, actor=ACTOR, now=now)
    since, plan = subscriptions.since_and_plan_of(found.pk)
    return {
        "slug": found.slug,
        "plan": plan.code,
        "since": since.isoformat() if since else None,
        "included": dict(plan.included),
        "plans": list(plans.all_plans()),
    }


def _partition(options: argparse.Namespace) -> dict[str, Any]:
    from django.utils import timezone

    from automate.retention import configured
    from automate.retention.partitions import partition_events
    from automate_tenants.context import tenant_scope
    from automate_tenants.provisioning import ref

    found, now = find(options.slug), timezone.now()
    cutoff = None if options.keep_all else configured().for_days(found.kept_days).cutoff(now)
    with tenant_scope(ref(found)):
        done = partition_events(now=now, ahead=options.ahead, cutoff=cutoff)
    return {"slug": found.slug, **asdict(done)}


def find(slug: str) -> Any:
    """The workspace with this slug. Raises NotFound."""
    from automate_tenants.models import Tenant

    found = Tenant.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no workspace {slug!r}. See: automate tenants list")
    return found


VERBS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "create": _create,
    "list": _list,
    "suspend": _suspend,
    "plan": _plan,
    "partition": _partition,
}
