"""Workspaces from the command line: open one for a person who may be new, keep the samples' address right."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from automate.models import Workflow
from automate.services import publish_version, save_draft
from automate.services.sample import SLUG as SAMPLE_SLUG
from automate.services.sample import is_as_shipped, sample_definition
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.models import Tenant
from automate_tenants.onboarding import open_workspace
from automate_tenants.provisioning import ref

ACTOR = "operator:automate up"


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


def move_samples() -> int:
    """Point samples that nobody has edited at this installation's present address (PORT may have changed).

    Returns how many workspaces got a new version of their sample.
    """
    echo_url = f"{settings.INTERNAL_URL.rstrip('/')}/echo"
    with public_scope():
        tenants = [ref(tenant) for tenant in Tenant.objects.order_by("id")]
    moved = 0
    for tenant in tenants:
        with tenant_scope(tenant), transaction.atomic():
            moved += _move_sample(echo_url)
    return moved


def _move_sample(echo_url: str) -> bool:
    wanted = sample_definition(echo_url)
    sample = Workflow.objects.kept().filter(is_sample=True, slug=SAMPLE_SLUG).first()
    if sample is None or sample.draft == wanted or not is_as_shipped(sample.draft):
        return False  # edited: it is theirs now
    now = timezone.now()
    saved = save_draft(
        workflow_id=sample.pk,
        definition=wanted,
        expected_revision=sample.draft_revision,
        actor=ACTOR,
        now=now,
    )
    publish_version(workflow_id=sample.pk, expected_revision=saved.draft_revision, actor=ACTOR, now=now)
    return True
