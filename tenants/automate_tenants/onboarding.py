"""Opening a workspace: everything its first minute needs, in one transaction; and stopping and resuming one.

Sign-up and `automate up` call `open_workspace`. If anything fails nothing of the workspace is left but a data key that
no row names, and that is destroyed too.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from automate.models import WebhookEndpoint, Workflow
from automate.services import InvalidDraft, create_workflow, publish_version
from automate.services.sample import sample_definition
from automate_governance.errors import Conflict, Invalid
from automate_tenants import audit, directory, pauses
from automate_tenants.context import tenant_scope
from automate_tenants.endpoints import create_endpoint
from automate_tenants.host import tenant_host
from automate_tenants.key_store import key_store
from automate_tenants.keys import SCOPES, create_key
from automate_tenants.models import Membership, Tenant
from automate_tenants.provisioning import provision, ref
from automate_tenants.slugs import derive_slug, with_number, with_random

logger = logging.getLogger("automate.accounts")
DEFAULT_ENDPOINT = "default"
FIRST_KEY_NAME = "First key"
NAME_LENGTH = 80


class InvalidName(Invalid):
    """A workspace's name is 1 to 80 characters."""

    code = "invalid_name"


@dataclass(frozen=True)
class OpenedWorkspace:
    """A new workspace. `api_key` is the key's text, shown once; `webhook_url_path` is `/hooks/<token>`."""

    tenant: Tenant
    api_key: str
    endpoint: WebhookEndpoint
    webhook_url_path: str
    workflow: Workflow


def suggest_slug(name: str) -> str:
    """A free address for a workspace of this name: derived from it, numbered when taken."""
    slug = derive_slug(name)
    candidates = [slug, *(with_number(slug, n) for n in range(2, 10))]
    taken = set(Tenant.objects.filter(slug__in=candidates).values_list("slug", flat=True))
    free = [candidate for candidate in candidates if candidate not in taken]
    return free[0] if free else with_random(slug)


def open_workspace(*, name: str, slug: str, owner_id: int, now: datetime) -> OpenedWorkspace:
    """Schema, owner, data key, endpoint, first API key and a published sample workflow: all or nothing.

    Raises InvalidName, InvalidSlug, SlugTaken. Everything is visible to others once the caller's transaction commits.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_LENGTH:
        raise InvalidName(f"Give the workspace a name of 1 to {NAME_LENGTH} characters.", details={"param": "name"})
    made: list[str] = []
    try:
        with transaction.atomic():
            tenant = provision(name=name, slug=slug, now=now)
            key_store().create(tenant.schema_name)
            made.append(tenant.schema_name)
            return _furnish(tenant, owner_id, now)
    except BaseException:
        for key_name in made:
            key_store().destroy(key_name)
        raise


def _furnish(tenant: Tenant, owner_id: int, now: datetime) -> OpenedWorkspace:
    actor = f"user:{owner_id}"
    Membership.objects.create(user_id=owner_id, tenant=tenant, role=Membership.Role.OWNER, created_at=now)
    with tenant_scope(ref(tenant)):
        endpoint = create_endpoint(slug=DEFAULT_ENDPOINT, actor=actor, now=now).endpoint
        _, api_key = create_key(tenant_id=tenant.pk, name=FIRST_KEY_NAME, scopes=SCOPES, created_by=actor, now=now)
        workflow = _publish_sample(actor, now)
        tenant_host().workspace_opened(now=now)
    return OpenedWorkspace(tenant, api_key, endpoint, f"/hooks/{endpoint.token}", workflow)


def _publish_sample(actor: str, now: datetime) -> Workflow:
    """The sample, live; left as a draft where this installation's policy forbids calling its own echo endpoint."""
    definition = sample_definition(f"{settings.INTERNAL_URL.rstrip('/')}/echo", endpoint=DEFAULT_ENDPOINT)
    workflow = create_workflow(definition=definition, actor=actor, now=now, is_sample=True)
    try:
        publish_version(workflow_id=workflow.pk, expected_revision=workflow.draft_revision, actor=actor, now=now)
    except InvalidDraft as error:  # PRIVATE_TARGETS does not name our own host: no reason to turn people away
        logger.warning("the sample workflow was not published: %s", error)
    workflow.refresh_from_db()
    return workflow


@transaction.atomic
def suspend(*, tenant_id: int, actor: str, reason: str, now: datetime) -> Tenant:
    """Stop a workspace: its pages say so, its work waits. Nothing is deleted. Its members can read the reason.

    Raises Conflict when it is stopped already.
    """
    tenant: Tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    if tenant.status == Tenant.Status.SUSPENDED:
        raise Conflict("This workspace is suspended already.")
    if tenant.status == Tenant.Status.DELETING:
        raise Conflict("This workspace is stopped already: it is being deleted.")
    tenant.status, tenant.suspended_reason, tenant.suspended_at = Tenant.Status.SUSPENDED, reason[:300], now
    tenant.save(update_fields=["status", "suspended_reason", "suspended_at"])
    pauses.pause_suspended(tenant_id)
    audit.record(
        ref(tenant),
        actor=actor,
        action="workspace.suspend",
        resource=f"tenant:{tenant_id}",
        details={"reason": reason},
        now=now,
    )
    directory.forget(tenant.slug)
    return tenant


@transaction.atomic
def resume(*, tenant_id: int, actor: str, now: datetime) -> Tenant:
    """Let a suspended workspace go on, with whatever waited. Raises Conflict when it is not suspended."""
    tenant: Tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    if tenant.status != Tenant.Status.SUSPENDED:
        raise Conflict("This workspace is not suspended.")
    tenant.status, tenant.suspended_reason, tenant.suspended_at = Tenant.Status.ACTIVE, "", None
    tenant.save(update_fields=["status", "suspended_reason", "suspended_at"])
    pauses.end_suspension(tenant_id)
    audit.record(
        ref(tenant), actor=actor, action="workspace.resume", resource=f"tenant:{tenant_id}", details={}, now=now
    )
    directory.forget(tenant.slug)
    return tenant
