"""What the engine asks of the place it runs in, and the answers of a plain Django project.

The engine knows nothing of tenants. A platform that hosts many answers these questions per tenant and names its class
in `DJANGO_AUTOMATE["HOST"]` (a dotted path); without it `SingleSchemaHost` serves one project in one schema.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils.module_loading import import_string

from automate import configuration
from automate.worker import inline

if TYPE_CHECKING:
    from automate.outbox.store import OutboxStore
    from automate.policy.effective import Policy

KEEP_HOUSE_EVERY = timedelta(hours=1)


class Host(Protocol):
    """The engine's questions. Each is answered for whatever tenant is current, if there are tenants."""

    def data_key(self) -> bytes:
        """The AES-256 key (32 bytes) that seals step state and secrets."""

    def scope_name(self) -> str:
        """What the data key's owner is called: stored secrets are bound to it. Stable, unique, no path characters."""

    def may_use_secret(self, actor: str, name: str) -> bool:
        """Whether workflows of `actor` (as the audit log names it) may refer to the secret."""

    def ring(self) -> None:
        """Say that committed work is waiting. Called after the commit; a lost ring delays work, never loses it."""

    def hold_new_event(self, source: str) -> datetime | None:
        """Until when the event that is being stored must wait (a time of `outbox.holding`); None: it goes on at once.

        Asked once for each event, inside the transaction that stores it: a host may count.
        """

    def config_changed(self) -> None:
        """Note, inside the caller's transaction, that what runs has changed: published, enabled, disabled."""

    def halt_changed(self, *, halted: bool, now: datetime) -> None:
        """Note, inside the caller's transaction, that the kill switch of everything here was turned on or off."""

    def outbox(self) -> OutboxStore:
        """Where a worker finds work and records what became of it."""

    def audit_written(self) -> None:
        """Say that committed audit entries wait for the chain. A hint: a lost one delays them by seconds."""

    def chain_audit(self, *, now: datetime) -> int:
        """Chain the audit entries that wait; how many. Every worker calls it, twice a second."""

    def keep_house(self, *, now: datetime, go_on: Callable[[], bool]) -> None:
        """Housekeeping that is due, for as long as `go_on` says yes. Every worker calls it now and then."""

    def count_usage(self, *, now: datetime) -> None:
        """Add up what was counted lately and look at what follows from it. Every worker calls it each few seconds."""

    def notify_members(self, *, now: datetime, go_on: Callable[[], bool]) -> None:
        """Tell people what happened lately, for as long as `go_on` says yes. Every worker calls it each few seconds."""

    def limits(self) -> dict[str, Any]:
        """The plan's layer of policy, as a document (`automate.policy.rules`); {} grants all that the ceiling does."""

    def limits_of(self, rule: str) -> dict[str, Any]:
        """The same as far as `rule` goes: nothing is looked up where no plan has it."""

    def masks_emails(self) -> bool:
        """Whether the policy here has e-mail addresses masked in what is written and shown."""

    def policy_changed(self, policy: Policy) -> None:
        """Note, inside the caller's transaction, what policy now holds: where webhooks are accepted must know."""

    def unkept_rules(self) -> dict[str, str]:
        """Rules of policy that nothing here would keep → why. They are refused rather than ignored."""


class SingleSchemaHost:
    """One Django project, one schema, one outbox."""

    def __init__(self) -> None:
        self._kept_house_at: datetime | None = None
        self._audit_waits = False
        self._audit_turn = 0

    def data_key(self) -> bytes:
        return hashlib.sha256(b"automate.data-key\x1f" + settings.SECRET_KEY.encode()).digest()

    def scope_name(self) -> str:
        return "single"

    def may_use_secret(self, actor: str, name: str) -> bool:
        """A person needs the permission to use stored secrets; code that runs on this machine may use any."""
        kind, _, number = actor.partition(":")
        if kind != "user":
            return True
        if not number.isdigit() or not apps.is_installed("django.contrib.auth"):
            return False
        user = get_user_model().objects.filter(pk=int(number), is_active=True).first()
        return user is not None and user.has_perm("automate_governance.use_storedsecret")

    def ring(self) -> None:
        if configuration.worker_mode() == "synchronous":
            inline.work_now()
        elif connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify('automate_wake', '')")

    def hold_new_event(self, source: str) -> datetime | None:
        return None

    def config_changed(self) -> None:
        """Nothing to note: the store sees it in `Workflow.updated_at`."""

    def masks_emails(self) -> bool:
        from automate.policy.stored import effective_policy  # models: not before the apps are there

        return effective_policy().mask_emails is not None

    def audit_written(self) -> None:
        self._audit_waits = True

    def chain_audit(self, *, now: datetime) -> int:
        """Other processes' entries are found by looking every tenth time."""
        self._audit_turn += 1
        if not self._audit_waits and self._audit_turn % 10 != 1:
            return 0
        from automate.services.audit_chain import chain  # models: not before the apps are there

        self._audit_waits = False
        return chain(now=now)

    def halt_changed(self, *, halted: bool, now: datetime) -> None:
        """Nothing to note: workers look at the switch itself."""

    def keep_house(self, *, now: datetime, go_on: Callable[[], bool]) -> None:
        """Once an hour in each process; several at once do no harm."""
        if self._kept_house_at is None or now - self._kept_house_at >= KEEP_HOUSE_EVERY:
            from automate.housekeeping import keep_house  # models: not before the apps are there
            from automate.retention import configured

            keep_house(now=now, retention=configured(), go_on=go_on)
            self._kept_house_at = now if go_on() else None

    def count_usage(self, *, now: datetime) -> None:
        """Nothing is counted: nobody pays."""

    def notify_members(self, *, now: datetime, go_on: Callable[[], bool]) -> None:
        """Nobody is told: a project has its own ways, from the same rows."""

    def limits(self) -> dict[str, Any]:
        return {}

    def limits_of(self, rule: str) -> dict[str, Any]:
        return {}

    def policy_changed(self, policy: Policy) -> None:
        """Nothing to note: webhooks are accepted in the same schema."""

    def unkept_rules(self) -> dict[str, str]:
        """Nobody counts requests, and only PostgreSQL queues runs."""
        counted = ("webhook_rate", "endpoint_rates", "api_rate")
        unkept = dict.fromkeys(counted, "is kept by the hosted gateway; a plain project limits requests before them")
        if connection.vendor != "postgresql":
            unkept["max_concurrent_runs"] = f"needs PostgreSQL; this database is {connection.display_name}"
        return unkept

    def outbox(self) -> OutboxStore:
        if connection.vendor == "postgresql":
            from automate.outbox.postgres import PostgresStore

            return PostgresStore()
        from automate.outbox.orm import OrmStore

        return OrmStore()


def current() -> Host:
    """The host named in the settings."""
    options: dict[str, Any] = getattr(settings, "DJANGO_AUTOMATE", {})
    return _load(options.get("HOST", "automate.host.SingleSchemaHost"))


@lru_cache(maxsize=8)
def _load(path: str) -> Host:
    return cast(Host, import_string(path)())
