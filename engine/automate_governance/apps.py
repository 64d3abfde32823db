"""Governance as a Django app: its stored secrets need a database. The rest starts without Django."""

from __future__ import annotations

from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    name = "automate_governance"
    verbose_name = "Governance"
    default_auto_field = "django.db.models.BigAutoField"
