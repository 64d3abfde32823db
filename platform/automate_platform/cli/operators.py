"""`automate operators add|remove|list`: who may come to the operators' pages."""

from __future__ import annotations

import argparse
from typing import Any

from automate_governance.errors import Conflict, NotFound
from automate_platform.cli import _django, data


def run(options: argparse.Namespace) -> int:
    _django.setup()
    from automate_tenants.context import public_scope

    with public_scope():
        data.show(_list() if options.verb == "list" else _change(options), as_json=options.json)
    return 0


def _list() -> list[dict[str, Any]]:
    from django.contrib.auth import get_user_model

    from automate_tenants import second_factor

    return [_shown(user, second_factor.has_one(user.pk)) for user in get_user_model().objects.filter(is_staff=True)]


def _change(options: argparse.Namespace) -> dict[str, Any]:
    """Raises NotFound for an unknown person, Conflict for one who has no second factor and shall be an operator."""
    from django.contrib.auth import get_user_model

    from automate_tenants import second_factor

    user = get_user_model().objects.filter(email__iexact=options.email).order_by("pk").first()
    if user is None:
        raise NotFound(f"Nobody signed up with {options.email}. An operator has an account like everybody.")
    has_factor = second_factor.has_one(user.pk)
    if options.verb == "add" and not has_factor:
        raise Conflict(f"{user.email} has no second factor. It is set up on the Account page; then add them again.")
    user.is_staff = options.verb == "add"
    user.save(update_fields=["is_staff"])
    return _shown(user, has_factor)


def _shown(user: Any, has_factor: bool) -> dict[str, Any]:
    return {"email": user.email, "is_operator": user.is_staff, "second_factor": has_factor, "active": user.is_active}
