"""The engine's questions (`automate.host.Host`), answered for the current tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import F

from automate import host
from automate_governance.errors import NotFound
from automate_tenants import audit_chain, pauses, policy_copies, secret_use
from automate_tenants.context import current_tenant, public_scope, tenant_scope
from automate_tenants.key_store import data_key
from automate_tenants.models import DispatchTenant, Tenant
from automate_tenants.notifications import events as notifications
from automate_tenants.provisioning import ref

if TYPE_CHECKING:
    from automate.outbox.store import OutboxStore
    from automate.policy import Policy


@dataclass(frozen=True)
class Seats:
    """`count` members at most, because of the plan called `plan`."""

    count: int
    plan: str


def tenant_host() -> TenantHost:
    """The host of this installation, which answers for tenants. Raises ImproperlyConfigured for one that does not."""
    found = host.current()
    if not isinstance(found, TenantHost):
        raise ImproperlyConfigured('DJANGO_AUTOMATE["HOST"] must name a TenantHost where there are tenants.')
    return found


class TenantHost:
    """Named in `DJANGO_AUTOMATE["HOST"]`. Every answer is about the tenant whose scope the caller is in.

    `ring` runs after the commit, when the caller's scope may have ended; the database backend runs every on_commit hook
    in the scope that registered it.
    """

    def __init__(self) -> None:
        self._chainer = audit_chain.Chainer()

    def data_key(self) -> bytes:
        return data_key(current_tenant())

    def scope_name(self) -> str:
        return current_tenant().schema_name

    def may_use_secret(self, actor: str, name: str) -> bool:
        return secret_use.is_allowed(actor, current_tenant().id)

    def ring(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT public.automate_ring_v1(%s::bigint[])", [[current_tenant().id]])

    def hold_new_event(self, source: str) -> datetime | None:
        from automate.outbox.holding import HELD_UNTIL
        from automate_tenants.holding import is_full

        return HELD_UNTIL if is_full() else None

    def config_changed(self) -> None:
        DispatchTenant.objects.filter(tenant_id=current_tenant().id).update(config_version=F("config_version") + 1)

    def halt_changed(self, *, halted: bool, now: datetime) -> None:
        tenant_id = current_tenant().id
        if halted:
            pauses.pause_halted(tenant_id, now=now)
        else:
            pauses.end_halt(tenant_id)
        notifications.tell_halt("here", halted=halted, now=now)

    def outbox(self) -> OutboxStore:
        from automate_tenants.dispatch.store import DispatchStore

        return DispatchStore()

    def audit_written(self) -> None:
        audit_chain.note_pending(current_tenant().id)

    def chain_audit(self, *, now: datetime) -> int:
        return self._chainer.turn(now=now)

    def keep_house(self, *, now: datetime, go_on: Callable[[], bool]) -> None:
        from automate_tenants.housekeeping import keep_installation, keep_next

        keep_installation(now=now, go_on=go_on)
        while go_on() and keep_next(now=now, go_on=go_on):
            pass

    def count_usage(self, *, now: datetime) -> None:
        """Nothing to add up: billing, above this, counts (`automate_billing.host`)."""

    def notify_members(self, *, now: datetime, go_on: Callable[[], bool]) -> None:
        from automate_tenants.notifications import rounds

        rounds.go_round(now=now, go_on=go_on)

    def limits(self) -> dict[str, Any]:
        """Every workspace is on one plan: `DJANGO_AUTOMATE["PLAN"]`, a document of policy."""
        options: dict[str, Any] = settings.DJANGO_AUTOMATE
        return dict(options.get("PLAN", {}))

    def limits_of(self, rule: str) -> dict[str, Any]:
        return self.limits()

    def policy_changed(self, policy: Policy) -> None:
        policy_copies.apply(policy)

    def unkept_rules(self) -> dict[str, str]:
        return {}

    def workspace_opened(self, *, now: datetime) -> None:
        """In the transaction that opens the current tenant: whoever has something to say about new ones says it."""

    def seats(self) -> Seats | None:
        """How many members the current tenant may have, and by which plan; None: as many as it likes."""
        return None

    def export_rows(self, tenant: Tenant) -> dict[str, Iterable[Mapping[str, Any]]]:
        """What packages above keep about the tenant in public tables, for its export: rows by name of the file."""
        return {}

    def workspace_deleted(self, tenant: Tenant) -> None:
        """In the deletion's transaction: take away what is kept of the tenant in public tables of packages above."""

    def masks_emails(self) -> bool:
        known = current_tenant().masks_emails
        return policy_copies.masks_emails(current_tenant().id) if known is None else known

    @contextmanager
    def scope(self, schema: str) -> Iterator[None]:
        """The scope of the tenant with this schema: what `--schema` of the engine's commands means. Raises NotFound."""
        with public_scope():
            tenant = Tenant.objects.filter(schema_name=schema).first()
        if tenant is None:
            raise NotFound("There is no such workspace.", details={"schema": schema})
        with tenant_scope(ref(tenant)):
            yield
