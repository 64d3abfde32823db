"""Tenants as a Django app; its tables live in the public schema."""

from __future__ import annotations

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "automate_tenants"
    verbose_name = "Tenants"
    default_auto_field = "django.db.models.BigAutoField"
