"""Tenant: a workspace and its schema. The schema's name is opaque and never the customer's text."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin


class Tenant(TenantMixin):  # type: ignore[misc]  # django-tenants has no types
    """A workspace. Its rows live in the schema `t_<base32>`; `slug` is its address and may change."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"  # by an operator, who can resume it
        DELETING = "deleting"  # by an owner, who can undo it until `delete_at`; stopped meanwhile

    auto_create_schema = False  # provision() renders the DDL instead
    auto_drop_schema = False

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.ACTIVE)
    schema_version = models.CharField(max_length=64, blank=True)  # of the tenant apps' migrations: a no-op is one query
    timezone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField()
    retention_days = models.PositiveSmallIntegerField(null=True)  # its plan's; null: the installation's setting
    own_retention_days = models.PositiveSmallIntegerField(null=True)  # its own choice, see `kept_days`
    kept_house_at = models.DateTimeField(null=True)  # when its old rows were last looked for

    hold_after = models.PositiveIntegerField(null=True)  # events beyond so many wait (see `holding`); null: none does
    plan_room = models.BigIntegerField(null=True)  # events that its plan still includes; null: plenty, not counted down
    masks_emails = models.BooleanField(null=True)  # copied from the policy in force; null is no
    requires_second_factor = models.BooleanField(null=True)  # of its members; null is no
    first_event_at = models.DateTimeField(null=True)  # noted by `first_events` once somebody looks
    suspended_reason = models.CharField(max_length=300, blank=True, default="", db_default="")  # for its members
    suspended_at = models.DateTimeField(null=True)
    delete_at = models.DateTimeField(null=True)  # exactly while DELETING: when its grace ends
    delete_asked_by = models.CharField(max_length=200, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return self.slug

    @property
    def is_stopped(self) -> bool:
        """Suspended or being deleted: it takes no events, answers no key and shows no page."""
        return self.status != self.Status.ACTIVE

    @property
    def kept_days(self) -> int | None:
        """Days that events and runs are kept: the workspace's choice, at most the plan's; None: the installation's."""
        chosen = [days for days in (self.own_retention_days, self.retention_days) if days is not None]
        return min(chosen) if chosen else None

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Change a stored row. A new one comes from `provision()` with its schema, never from here."""
        if self._state.adding:
            raise TypeError("A workspace is made by provision(): this row would have no schema.")
        super().save(*args, **kwargs)

    def __enter__(self) -> NoReturn:
        """django-tenants keeps one list of previous tenants for all threads and gives back another thread's."""
        raise TypeError("`with tenant:` mixes up threads; use tenant_scope(ref).")

    def activate(self) -> NoReturn:
        """It would move the connection and leave the ContextVar behind."""
        raise TypeError("Use tenant_scope(ref).")


class Domain(DomainMixin):  # type: ignore[misc]
    """A host name of a tenant (django-tenants wants the model; hosts are derived from `Tenant.slug`)."""

    def __str__(self) -> str:
        return str(self.domain)
