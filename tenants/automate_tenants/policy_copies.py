"""What of a workspace's policy stands in public tables too, for whoever works there without its schema.

Written in the transaction of the change; `automate migrate` writes it again for every workspace, because the ceiling
stands in the settings.
"""

from __future__ import annotations

from functools import partial

from django.db import transaction

from automate.policy import Policy, ceiling, effective_policy
from automate_tenants import directory
from automate_tenants.context import current_tenant
from automate_tenants.models import Tenant
from automate_tenants.webhook_limits import apply_webhook_limits


def apply(policy: Policy | None = None) -> None:
    """Make the current tenant's copies say what `policy` (by default the stored one) says."""
    policy = policy or effective_policy()
    apply_webhook_limits(policy)
    tenant, masks = current_tenant(), policy.mask_emails is not None
    if Tenant.objects.filter(pk=tenant.id).exclude(masks_emails=masks).update(masks_emails=masks):
        transaction.on_commit(partial(directory.forget, tenant.slug))


def masks_emails(tenant_id: int) -> bool:
    """Whether the policy in force for the tenant has e-mail addresses masked."""
    own = Tenant.objects.filter(pk=tenant_id).values_list("masks_emails", flat=True).first()
    return bool(own) or ceiling().mask_emails is not None
