"""The engine's one URL, for a plain Django project: `path("hooks/", include("automate.ingest.urls"))`."""

from __future__ import annotations

from django.urls import path

from automate.ingest.views import WebhookView

urlpatterns = [path("<str:token>", WebhookView.as_view(), name="automate-webhook")]
