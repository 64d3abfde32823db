"""The plain project's URLs: the engine's own."""

from django.urls import include, path

urlpatterns = [path("", include("automate.urls"))]
