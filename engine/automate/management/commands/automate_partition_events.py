"""`manage.py automate_partition_events`: keep a schema's events in monthly partitions. Run it again each month."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from automate.management.schema import in_schema
from automate.retention import configured
from automate.retention.partitions import partition_events


class Command(BaseCommand):
    help = "Convert the events' table to monthly partitions while events come in; make months ahead, drop old ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--ahead", type=int, default=3, help="months to make beyond this one (3)")
        parser.add_argument("--days", type=int, help='drop what is older than this, not RETENTION\'s "days" (30)')
        parser.add_argument("--keep-all", action="store_true", help="drop nothing")
        parser.add_argument("--schema", help="the tenant's schema, where the platform hosts many")

    def handle(
        self, *args: Any, ahead: int, days: int | None, keep_all: bool, schema: str | None, **options: Any
    ) -> None:
        now = timezone.now()
        cutoff = None if keep_all else configured().for_days(days).cutoff(now)
        try:
            with in_schema(schema):
                done = partition_events(now=now, ahead=ahead, cutoff=cutoff)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if done.converted:
            self.stdout.write("converted")
        for word, names in (("made", done.made), ("dropped", done.dropped), ("kept, still needed", done.kept)):
            for name in names:
                self.stdout.write(f"{word}: {name}")
        self.stdout.write("analyzed")
