"""The engine's URLs, for a plain Django project: `path("automate/", include("automate.urls"))`.

`hooks/<token>` takes events, `metrics` tells Prometheus how it goes (with `METRICS_EXPORT`).
"""

from __future__ import annotations

from django.urls import include, path

from automate.metrics_view import metrics

urlpatterns = [path("hooks/", include("automate.ingest.urls")), path("metrics", metrics, name="automate-metrics")]
