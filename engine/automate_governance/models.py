"""Stored secrets: names and sealed values. Only `automate.services.secrets` writes, only the `db` backend opens.

The value of a version is sealed with the tenant's data key and bound to tenant, name and version (`automate.secrets.
sealing`), so a row copied to another name, or another tenant, opens nothing.
"""

from __future__ import annotations

import uuid

from django.db import models


class StoredSecret(models.Model):
    """A name that workflows refer to. The reference stays when the value changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    note = models.CharField(max_length=300, blank=True)
    hosts = models.JSONField(default=list, blank=True)  # where it may be sent; empty: wherever the policy allows
    version_num = models.PositiveIntegerField(default=1)  # of the value in use; rises with every change of it
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    rotated_at = models.DateTimeField(null=True)
    rotated_by = models.CharField(max_length=200, blank=True)
    latest_used_at = models.DateTimeField(null=True)  # by a run, to the minute

    class Meta:
        permissions = [("use_storedsecret", "Can refer to stored secrets in workflows")]

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """What a workflow writes in its place."""
        return f'{{"$secret": "{self.name}"}}'


class StoredSecretVersion(models.Model):
    """One value a secret had. The value of an earlier version is erased when it can be restored no more."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    secret = models.ForeignKey(StoredSecret, on_delete=models.CASCADE, related_name="versions")
    version_num = models.PositiveIntegerField()
    sealed = models.BinaryField(null=True)  # null: erased
    restored_from = models.PositiveIntegerField(null=True)  # the version whose value this one brought back
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["secret", "version_num"], name="secret_version_once")]

    def __str__(self) -> str:
        return f"{self.secret_id} v{self.version_num}"
