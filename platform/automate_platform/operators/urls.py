"""Every URL of the operators' host; none of them exists on any other, and nothing of the product exists here."""

from __future__ import annotations

from django.urls import path

from automate_platform.operators import rows, workspaces
from automate_platform.operators.site import site

_ = (rows, workspaces)  # they register themselves
urlpatterns = [path("", site.urls)]


handler400, handler403, handler404, handler500 = (
    "automate_web.errors.bad_request",
    "automate_web.errors.permission_denied",
    "automate_web.errors.not_found",
    "automate_web.errors.server_error",
)
