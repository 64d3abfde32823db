"""Every URL of the platform. One URLconf serves the app's host and each workspace (see WorkspaceMiddleware)."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("automate_web.api.urls")),
    path("", include("automate_web.urls")),
]

handler400 = "automate_web.errors.bad_request"
handler403 = "automate_web.errors.permission_denied"
handler404 = "automate_web.errors.not_found"
handler500 = "automate_web.errors.server_error"
