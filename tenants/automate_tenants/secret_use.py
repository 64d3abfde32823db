"""Who may refer to a workspace's secrets: a member by role, a key by scope, this installation by itself."""

from __future__ import annotations

from automate_tenants.models import ApiKey, Membership
from automate_tenants.permissions import role_allows

SCOPE = "secrets:use"
OWN_ACTORS = ("system", "operator")  # code of the installation: the demo, imports from the command line


def is_allowed(actor: str, tenant_id: int) -> bool:
    """Whether workflows that `actor` wrote or published may use the workspace's secrets.

    A key that was rolled or has ended still answers for what was published with it; a person who has left does not.
    """
    kind, _, rest = actor.partition(":")
    if kind == "user" and rest.isdigit():
        membership = Membership.objects.filter(user_id=int(rest), user__is_active=True, tenant_id=tenant_id).first()
        return membership is not None and role_allows(membership.role, "automate.use_secrets")
    if kind == "key":
        scopes = ApiKey.objects.filter(tenant_id=tenant_id, prefix=rest).values_list("scopes", flat=True)
        return any(SCOPE in held for held in scopes)
    return kind in OWN_ACTORS
