"""`manage.py automate_retention`: delete what is past its retention time now, instead of within the hour."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from automate.housekeeping import keep_house
from automate.management.schema import in_schema
from automate.retention import configured


class Command(BaseCommand):
    help = "Delete events, runs and what hangs on them that are past their retention time, in small batches."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, help='instead of DJANGO_AUTOMATE["RETENTION"]["days"] (30)')
        parser.add_argument("--schema", help="of the tenant to work in, where a platform serves many")

    def handle(self, *args: Any, days: int | None, schema: str | None, **options: Any) -> None:
        with in_schema(schema):
            purged = keep_house(now=timezone.now(), retention=configured().for_days(days))
        for table, count in sorted(purged.items()):
            self.stdout.write(f"{count:>10} {table}")
        self.stdout.write(f"{sum(purged.values()):>10} rows deleted")
