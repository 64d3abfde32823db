"""Every URL of the platform. One URLconf serves the app's host and each workspace (see WorkspaceMiddleware)."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("automate_web.api.urls")),
    path("", include("automate_web.urls")),
]
