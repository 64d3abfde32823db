"""A few pages, to see what the middleware has settled when a page runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model, login
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path, reverse

from automate.models import Event
from automate_tenants.context import tenant_or_none
from automate_tenants.middleware import without_membership


def tell(request: Any) -> HttpResponse:
    tenant = tenant_or_none()
    return JsonResponse(
        {
            "tenant": tenant.slug if tenant else None,
            "request_tenant": request.tenant.slug if request.tenant else None,
            "role": request.membership.role if request.membership else None,
            "path": request.path,
            "path_info": request.path_info,
            "reversed": reverse("tell"),
            "trace_id": request.trace_id,
            "ip": request.META["REMOTE_ADDR"],
            "may_publish": request.user.has_perm("automate.publish_workflow"),
            "events": list(Event.objects.values_list("type", flat=True)) if tenant else None,
        }
    )


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        for kind in Event.objects.values_list("type", flat=True):
            yield kind.encode()
        yield str(tenant_or_none()).encode()

    return StreamingHttpResponse(parts())


@without_membership
def arrive(request: HttpRequest, user_id: int) -> HttpResponse:
    """Stands for the page that redeems a ticket."""
    login(
        request, get_user_model().objects.get(pk=user_id), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    return HttpResponse("in")


urlpatterns = [
    path("", tell, name="home"),
    path("tell/", tell, name="tell"),
    path("stream/", stream, name="stream"),
    path("arrive/<int:user_id>/", arrive, name="arrive"),
    path("api/tell/", tell, name="api-tell"),
]
