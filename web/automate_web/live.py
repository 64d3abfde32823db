"""The live stream's address: a signed token that lets this browser hear of changes in this workspace, for five minutes.

The gateway checks the token by itself, without Django. A page asks for the next one a minute before its own runs out; a
member who was removed gets none, so hears nothing five minutes later.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from automate_tenants.context import TenantRef
from automate_web.gateway import live_token
from automate_web.requests import WorkspaceRequest, workspace_page

TOKEN_LIFE = timedelta(minutes=5)
RENEW_AFTER = timedelta(minutes=4)


def stream_url(tenant: TenantRef) -> str:
    token = live_token.sign(
        settings.LIVE_SECRET,
        tenant_id=tenant.id,
        schema_name=tenant.schema_name,
        expires_at=timezone.now() + TOKEN_LIFE,
    )
    return f"/live/?token={quote(token)}"


@require_GET
@workspace_page("automate.view_event")
def renew(request: WorkspaceRequest) -> HttpResponse:
    """GET /live-token/: the stream's address with a fresh token."""
    return JsonResponse({"url": stream_url(request.tenant), "seconds": int(RENEW_AFTER.total_seconds())})
