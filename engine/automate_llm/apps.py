"""The LLM layer as a Django app. At start it adds the connector `llm` to those that workflows may name."""

from __future__ import annotations

from django.apps import AppConfig


class AutomateLLMConfig(AppConfig):
    name = "automate_llm"
    verbose_name = "Automate LLM"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from automate_connectors.registry import register
        from automate_llm.connector import LLMAdapter

        register(LLMAdapter)
