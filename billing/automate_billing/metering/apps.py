"""Metering as a Django app of every tenant: it has migrations and no models."""

from __future__ import annotations

from django.apps import AppConfig


class MeteringConfig(AppConfig):
    name = "automate_billing.metering"
    label = "automate_metering"
    verbose_name = "Metering"
