"""`manage.py automate_pause`: the kill switch. Events are still taken in; nothing runs until `automate_resume`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from automate.management.schema import in_schema
from automate.services.halts import halt
from automate_governance.errors import NormalizedError


class Command(BaseCommand):
    help = "Halt the engine, or one workflow: events are taken in and kept, runs stop at their next step."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workflow", help="slug of the one workflow to halt; everything without it")
        parser.add_argument("--reason", default="", help="shown on every page, kept in the audit log")
        parser.add_argument("--schema", help="the tenant's schema, where the platform hosts many")

    def handle(self, *args: Any, workflow: str | None, reason: str, schema: str | None, **options: Any) -> None:
        try:
            with in_schema(schema):
                halt(actor="system:automate_pause", now=timezone.now(), reason=reason, workflow=workflow)
        except NormalizedError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"halted: {workflow or 'everything'}")
