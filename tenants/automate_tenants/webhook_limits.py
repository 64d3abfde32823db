"""What the policy says about webhooks, written where the gateway's SQL reads it.

The copy is made in the transaction of whatever changes it: a policy, an endpoint. `automate migrate` makes it again for
every workspace, because the ceiling stands in the settings.
"""

from __future__ import annotations

from uuid import UUID

from automate.models import WebhookEndpoint
from automate.policy import Limit, Policy, effective_policy
from automate.policy.rules import HOLD
from automate_tenants.context import current_tenant
from automate_tenants.models import WebhookLimit
from automate_tenants.models.rate import WORKSPACE


def apply_webhook_limits(policy: Policy | None = None) -> None:
    """Make the current tenant's rows say what `policy` (by default the stored one) says."""
    policy = policy or effective_policy()
    tenant_id = current_tenant().id
    wanted = _wanted(policy)
    WebhookLimit.objects.filter(tenant_id=tenant_id).exclude(endpoint_id__in=wanted).delete()
    for endpoint_id, limit in sorted(wanted.items()):
        values = {"per_window": limit.value, "is_held": policy.over_limit == HOLD, "layer": limit.layer}
        WebhookLimit.objects.update_or_create(tenant_id=tenant_id, endpoint_id=endpoint_id, defaults=values)


def _wanted(policy: Policy) -> dict[UUID, Limit]:
    wanted = {}
    if (whole := policy.limit("webhook_rate")) is not None:
        wanted[WORKSPACE] = whole
    if any(layer.rules.endpoint_rates for layer in policy.layers):
        for endpoint_id, slug in WebhookEndpoint.objects.values_list("id", "slug"):
            if (limit := policy.endpoint_limit(slug)) is not None:
                wanted[endpoint_id] = limit
    return wanted
