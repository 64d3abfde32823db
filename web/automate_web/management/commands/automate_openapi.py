"""Write the API's OpenAPI document from the code, or check that the checked-in one is current."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from automate_web.api import schema


class Command(BaseCommand):
    help = "Write the API's OpenAPI document; --check only compares (exit 1 when it is behind the code)."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Change nothing; fail when the file is not current.")

    def handle(self, *args: Any, **options: Any) -> None:
        made = schema.as_text(schema.document())
        if not options["check"]:
            schema.FILE.write_text(made)
        elif not schema.FILE.exists() or schema.FILE.read_text() != made:
            raise CommandError("web/automate_web/api/openapi.json is behind the code. Run `automate_openapi`.")
