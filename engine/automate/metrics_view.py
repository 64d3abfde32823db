"""The URL that Prometheus scrapes: for this machine alone, or for whoever brings the token of the settings."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from automate import configuration
from automate import metrics as exported
from automate.ingest.trace import new_trace_id
from automate_governance.errors import PermissionDenied


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """404 unless `METRICS_EXPORT` is on; 403 for a stranger."""
    if not configuration.are_metrics_exported():
        raise Http404
    if not _may_read(request):
        refused = PermissionDenied("Metrics are for this machine, or for whoever sends METRICS.token as Bearer.")
        return JsonResponse(refused.as_dict(new_trace_id()), status=refused.http_status)
    return HttpResponse(exported.exposition(), content_type=exported.CONTENT_TYPE)


def _may_read(request: HttpRequest) -> bool:
    token = configuration.metrics().token
    if token:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode())
    came_by_proxy = {"Forwarded", "X-Forwarded-For"} & set(request.headers)  # then the address is the proxy's
    address = request.META.get("REMOTE_ADDR", "")
    return not came_by_proxy and (not address or ip_address(address).is_loopback)  # none: a Unix socket
