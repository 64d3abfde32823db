"""`/healthz` and `/readyz` of the web process, for whoever runs it as a container of its own.

The gateway answers these paths itself, so nobody outside reaches these. A probe names the container's address as its
host, which is no host of ours: they are answered before anything looks at it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import Error
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from automate_tenants import template

View = Callable[[HttpRequest], HttpResponseBase]


def probes(get_response: View) -> View:
    """Middleware: this process lives; it can serve (200), or not yet (503)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info == "/healthz":
            return JsonResponse({"status": "ok"})
        if request.path_info == "/readyz":
            return _readiness()
        return get_response(request)

    return middleware


def _readiness() -> JsonResponse:
    """`schema` is false while the database is older than this code: new pods wait for `automate migrate`."""
    try:
        found = {"database": True, "schema": template.is_current()}
    except Error:
        found = {"database": False, "schema": False}
    is_ready = all(found.values())
    answer = JsonResponse({"status": "ready" if is_ready else "not_ready", **found}, status=200 if is_ready else 503)
    answer._has_been_logged = True  # type: ignore[attr-defined]  # Django's mark: asked every few seconds, it is no news
    return answer
