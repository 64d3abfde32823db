from django.apps import AppConfig


class WhereConfig(AppConfig):
    name = "tests.engine.plain.where"

    def ready(self) -> None:
        from automate_connectors.registry import register
        from tests.engine.plain.where.adapter import WhereAdapter

        register(WhereAdapter)
