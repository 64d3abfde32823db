"""Notifications as a Django app of every tenant."""

from __future__ import annotations

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "automate_tenants.notifications"
    label = "automate_notifications"
    verbose_name = "Notifications"
    default_auto_field = "django.db.models.BigAutoField"
