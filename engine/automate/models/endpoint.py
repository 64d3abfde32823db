"""Webhook endpoints: where senders post, and what each must prove."""

from __future__ import annotations

from django.db import models

from automate.ids import new_id


class InUse(models.Manager["WebhookEndpoint"]):
    """Endpoints that were not removed."""

    def get_queryset(self) -> models.QuerySet[WebhookEndpoint]:
        return super().get_queryset().filter(removed_at=None)


class WebhookEndpoint(models.Model):
    """One unguessable URL. Its full token is the only way to find it.

    A removed endpoint has lost its token, its secret and its slug, which is free again; what came to it can be read.
    """

    class Auth(models.TextChoices):
        API_KEY = "api_key", "API key"
        STANDARD_WEBHOOKS = "standard_webhooks", "Standard Webhooks signature"
        GITHUB = "github", "GitHub signature"
        STRIPE = "stripe", "Stripe signature"
        SLACK = "slack", "Slack signature"
        SHOPIFY = "shopify", "Shopify signature"
        HMAC = "hmac", "HMAC of your own kind"
        NONE = "none", "Nobody is checked"  # an explicit, visible choice

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(max_length=60, unique=True)  # what a workflow's trigger names
    token = models.CharField(max_length=64, unique=True)  # >= 160 random bits
    auth = models.CharField(max_length=20, choices=Auth.choices, default=Auth.API_KEY)
    auth_options = models.JSONField(null=True)  # of `hmac`: ingest.schemes.HmacOptions
    signing_secret = models.BinaryField(null=True)  # sealed with the tenant's key; during a roll it holds two
    previous_secret_until = models.DateTimeField(null=True)  # when the older one stops; null: there is one
    event_type = models.CharField(max_length=200, default="webhook.received")
    type_path = models.CharField(max_length=200, blank=True)  # dotted path in the body that names the event type
    dedupe_path = models.CharField(max_length=200, blank=True)  # dotted path in the body that holds the dedupe key
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)
    former_slug = models.CharField(max_length=60, null=True)  # noqa: DJ001 - yesterday's release inserts without it

    objects = InUse()
    with_removed = models.Manager["WebhookEndpoint"]()

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Its slug, or the one that it had."""
        return self.former_slug or self.slug

    @property
    def source(self) -> str:
        """What `Event.source` says for events from here."""
        return f"webhook:{self.name}"
