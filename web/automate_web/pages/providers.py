"""Providers: senders with a signature of their own, and what to enter in their settings."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from automate.models import WebhookEndpoint
from automate_tenants.hosts import is_local_name
from automate_web.addresses import hook_url

PROVIDERS = {"github": "GitHub", "stripe": "Stripe"}  # an endpoint's `auth`, and the name people know


@dataclass(frozen=True)
class Provider:
    """One tab: the endpoint that this provider sends to, once there is one."""

    id: str
    label: str
    endpoint: WebhookEndpoint | None
    secret: str | None  # shown once, right after it was made

    @property
    def url(self) -> str:
        return hook_url(self.endpoint.token) if self.endpoint else ""

    @property
    def has_secret(self) -> bool:
        return self.endpoint is not None and self.endpoint.signing_secret is not None

    @property
    def route(self) -> str:
        """The name of the URL that makes its endpoint."""
        return f"start-{self.id}"

    @property
    def template(self) -> str:
        return f"start/_{self.id}.html"


def providers(secrets: dict[str, str]) -> list[Provider]:
    """Both, each with its oldest active endpoint; one query. `secrets` are those made just now, by provider."""
    endpoints: dict[str, WebhookEndpoint] = {}
    for endpoint in WebhookEndpoint.objects.filter(auth__in=PROVIDERS, is_active=True).order_by("pk"):
        endpoints.setdefault(endpoint.auth, endpoint)
    return [Provider(id_, label, endpoints.get(id_), secrets.get(id_)) for id_, label in PROVIDERS.items()]


def is_out_of_reach() -> bool:
    """Whether this installation's address means this machine only, so that nobody else can send to it."""
    return is_local_name(urlsplit(settings.BASE_URL).hostname)
