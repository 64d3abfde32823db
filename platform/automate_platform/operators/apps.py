"""The operators' pages as a Django app: its templates are found, it has no tables."""

from django.apps import AppConfig


class OperatorsConfig(AppConfig):
    name = "automate_platform.operators"
    label = "operators"
