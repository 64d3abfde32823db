"""The engine as a Django app."""

from __future__ import annotations

from contextlib import suppress

from django.apps import AppConfig

from automate_governance.redaction.current import mask_emails_everywhere


class AutomateConfig(AppConfig):
    name = "automate"
    verbose_name = "Automate"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from automate import checks, llm  # noqa: F401 - checks registers its own
        from automate.policy.installation import InvalidPolicy, installation_rules
        from automate.triggers import signals  # models

        with suppress(InvalidPolicy):  # a check says so and stops the start
            mask_emails_everywhere(installation_rules().mask_emails)
        signals.connect()
        llm.connect()
