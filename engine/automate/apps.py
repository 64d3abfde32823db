"""The engine as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class AutomateConfig(AppConfig):
    name = "automate"
    verbose_name = "Automate"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from automate import checks, llm  # noqa: F401 - checks registers its own
        from automate.triggers import signals  # models

        signals.connect()
        llm.connect()
