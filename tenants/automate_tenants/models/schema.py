"""Schemas: the rendered DDL a new tenant is made from, and what each migration did to each tenant."""

from __future__ import annotations

from django.db import models


class TenantTemplate(models.Model):
    """The tenant tables as one DDL script, and the migrations it stands for. Only the owner role may write it."""

    version = models.CharField(primary_key=True, max_length=64)  # hash of the tenant apps' migrations
    ddl = models.TextField()
    migrations = models.JSONField()  # [[app, name], ...] for the new schema's django_migrations
    rendered_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.version


class TenantMigration(models.Model):
    """The result of bringing one tenant to one version: what a resumed run skips, and what a person must look at."""

    class Status(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    tenant_id = models.BigIntegerField()
    version = models.CharField(max_length=64)
    status = models.CharField(max_length=7, choices=Status.choices)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "version"], name="tenant_migration_once")]

    def __str__(self) -> str:
        return f"tenant {self.tenant_id} to {self.version}: {self.status}"
