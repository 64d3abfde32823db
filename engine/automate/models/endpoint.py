"""Webhook endpoints: where senders post, and what each must prove."""

from __future__ import annotations

from django.db import models

from automate.ids import new_id


class WebhookEndpoint(models.Model):
    """One unguessable URL. Its full token is the only way to find it."""

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

    def __str__(self) -> str:
        return self.slug

    @property
    def source(self) -> str:
        """What `Event.source` says for events from here."""
        return f"webhook:{self.slug}"
