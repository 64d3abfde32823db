"""Open a workspace from the command line, for a person who may not have signed up yet."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from automate_tenants.onboarding import open_workspace


def open_for(*, email: str, slug: str, name: str) -> dict[str, Any]:
    """Workspace, first key and sample workflow for the person with `email`; all or nothing.

    `password` is set only for a person made here. Raises InvalidSlug or SlugTaken.
    """
    with transaction.atomic():
        owner_id, password = _person(email)
        opened = open_workspace(name=name, slug=slug, owner_id=owner_id, now=timezone.now())
    return {
        "workspace": opened.tenant.slug,
        "email": email,
        "password": password,
        "api_key": opened.api_key,
        "webhook_path": opened.webhook_url_path,
    }


def _person(email: str) -> tuple[int, str | None]:
    """Id of the user with this address, and the password when the user was made just now."""
    users = get_user_model().objects
    if known := users.filter(email__iexact=email).first():
        return known.pk, None
    password = secrets.token_urlsafe(12)
    user = users.create_user(username=email, email=email, password=password)
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    return user.pk, password
