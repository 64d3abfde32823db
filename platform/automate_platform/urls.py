"""Every URL of the platform. One URLconf serves the app's host and each workspace (see WorkspaceMiddleware)."""

from __future__ import annotations

from django.urls import include, path, re_path

from automate_web.api.views import unknown_path

urlpatterns = [
    path("api/v1/", include("automate_web.api.urls")),
    re_path(r"^api(?:/(?P<path>.*))?$", unknown_path),  # no other version; errors of /api/ are JSON
    path("", include("automate_web.urls")),
]

handler400 = "automate_web.errors.bad_request"
handler403 = "automate_web.errors.permission_denied"
handler404 = "automate_web.errors.not_found"
handler500 = "automate_web.errors.server_error"
