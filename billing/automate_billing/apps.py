"""Billing as a Django app; its tables live in the public schema."""

from __future__ import annotations

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "automate_billing"
    verbose_name = "Billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from automate_billing import checks

        checks.connect()
