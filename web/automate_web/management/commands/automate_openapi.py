"""Write the API's OpenAPI document from the code, or check that the checked-in one is current and breaks no client."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from automate_web.api import schema
from automate_web.api.breaking import breaks


class Command(BaseCommand):
    help = (
        "Write the API's OpenAPI document. --check only compares: exit 1 when it is behind the code or breaks clients "
        "of the last release; --release makes it the document that later ones are compared with."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Change nothing; fail when the file is not current.")
        parser.add_argument("--release", action="store_true", help="Remember it as the last release's.")

    def handle(self, *args: Any, **options: Any) -> None:
        made = schema.as_text(schema.document())
        if options["check"]:
            _check(made)
            return
        schema.FILE.write_text(made)
        if options["release"]:
            schema.RELEASED.write_text(made)


def _check(made: str) -> None:
    checked_in = schema.FILE.read_text() if schema.FILE.exists() else ""
    if broken := breaks(json.loads(schema.RELEASED.read_text()), json.loads(checked_in or "{}")):
        lines = "\n  ".join(broken)
        raise CommandError(f"v1 changes only by adding. This would break clients of the last release:\n  {lines}")
    if checked_in != made:
        raise CommandError("web/automate_web/api/openapi.json is behind the code. Run `automate_openapi`.")
