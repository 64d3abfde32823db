"""Every URL of the product, and who may do what there. A URL that is not declared here fails the build."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

from tests.isolation.routes_api import API
from tests.isolation.routes_portal import PORTAL

ROUTES = [*PORTAL, *API]
GATEWAY_PATHS = {
    "/hooks/",
    "/live/",
    "/live",
    "/echo",
    "/healthz",
    "/readyz",
}  # answered in front of Django; see test_gateway


def walked() -> list[str]:
    """Every pattern of the URLconf, as one text each."""
    return [pattern for pattern, _ in _walk(get_resolver(), "")]


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        text = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, text)
        else:
            yield text, entry
