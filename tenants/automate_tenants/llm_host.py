"""The LLM layer's questions (`automate_llm.host.LLMHost`), answered for a tenant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from automate.llm import policy_caps
from automate_governance.errors import NotFound
from automate_llm.host import PlanCaps, Scope
from automate_tenants.context import TenantRef, current_tenant, public_scope, tenant_scope
from automate_tenants.dispatch.store import Scope as ClaimScope
from automate_tenants.key_store import data_key
from automate_tenants.models import Tenant
from automate_tenants.provisioning import ref


class TenantLLMHost:
    """Named in `DJANGO_AUTOMATE["LLM"]["HOST"]`. Steps bring their claim's scope; pages are in one already."""

    def scope(self, owner: object) -> Scope:
        if isinstance(owner, ClaimScope):
            tenant = TenantRef(owner.tenant_id, owner.schema_name, slug="")
        else:
            tenant = current_tenant()
        return partial(_tenant, tenant)

    def time_zone(self) -> str:
        found = Tenant.objects.filter(pk=current_tenant().id).values_list("timezone", flat=True).first()
        return str(found or "UTC")

    def plan_caps(self) -> PlanCaps:
        return policy_caps()

    def data_key(self) -> bytes:
        return data_key(current_tenant())

    @contextmanager
    def schema_scope(self, schema: str) -> Iterator[None]:
        """The scope of the tenant with this schema: `--schema` of the commands. Raises NotFound."""
        with public_scope():
            tenant = Tenant.objects.filter(schema_name=schema).first()
        if tenant is None:
            raise NotFound("There is no such workspace.", details={"schema": schema})
        with tenant_scope(ref(tenant)):
            yield


def _tenant(tenant: TenantRef) -> AbstractContextManager[TenantRef]:
    return tenant_scope(tenant)
