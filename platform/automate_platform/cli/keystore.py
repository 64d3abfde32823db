"""`automate keystore rotate|erase`: the installation's wrapping key, and the end of a workspace's."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from automate_governance.errors import Invalid, NotFound
from automate_platform.cli import _django, data

ACTOR = "operator:command line"


def run(options: argparse.Namespace) -> int:
    _django.setup()
    from automate_tenants.context import public_scope

    with public_scope():
        data.show(VERBS[options.verb](options), as_json=options.json)
    return 0


def _rotate(options: argparse.Namespace) -> dict[str, Any]:
    from automate_tenants.key_store import key_store

    return {"wrapped": key_store().rotate_installation_key()}


def _erase(options: argparse.Namespace) -> dict[str, Any]:
    from django.utils import timezone

    from automate_tenants.erasure import erase_key
    from automate_tenants.models import Tenant

    found = Tenant.objects.filter(slug=options.workspace).first()
    if found is None:
        raise NotFound(f"There is no workspace {options.workspace!r}. See: automate tenants list")
    if options.confirm != options.workspace:
        raise Invalid(f"This cannot be undone. Repeat its name to go on: --confirm {options.workspace}")
    return erase_key(tenant_id=found.pk, actor=ACTOR, now=timezone.now())


VERBS: dict[str, Callable[[argparse.Namespace], Any]] = {"rotate": _rotate, "erase": _erase}
