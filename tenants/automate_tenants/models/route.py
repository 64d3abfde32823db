"""Routes: from a webhook token to the tenant and endpoint behind it. The only table the gateway reads per request."""

from __future__ import annotations

from django.db import models


class WebhookRoute(models.Model):
    """A copy, for the gateway, of what it must know of one endpoint; written in the endpoint's transaction."""

    token_hash = models.BinaryField(primary_key=True, max_length=32)  # SHA-256 of the full token
    tenant_id = models.BigIntegerField(db_index=True)
    schema_name = models.CharField(max_length=63)
    endpoint_id = models.UUIDField(unique=True)
    source = models.CharField(max_length=200)
    auth = models.CharField(max_length=20)
    auth_options = models.JSONField(null=True)
    signing_secret = models.BinaryField(null=True)  # sealed with the tenant's key
    previous_secret_until = models.DateTimeField(null=True)  # a roll is under way: two secrets are good until then
    event_type = models.CharField(max_length=200)
    type_path = models.CharField(max_length=200, blank=True)
    dedupe_path = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"route to {self.endpoint_id}"
