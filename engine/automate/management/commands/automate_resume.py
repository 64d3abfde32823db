"""`manage.py automate_resume`: turn a kill switch off; everything goes on where it was."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from automate.management.schema import in_schema
from automate.services.halts import resume
from automate_governance.errors import NormalizedError


class Command(BaseCommand):
    help = "Let the engine, or one workflow, go on after automate_pause."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workflow", help="slug of the one workflow; everything without it")
        parser.add_argument("--schema", help="the tenant's schema, where the platform hosts many")

    def handle(self, *args: Any, workflow: str | None, schema: str | None, **options: Any) -> None:
        try:
            with in_schema(schema):
                woken = resume(actor="system:automate_resume", now=timezone.now(), workflow=workflow)
        except NormalizedError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"resumed: {workflow or 'everything'}" + (f", {woken} runs go on" if workflow else ""))
