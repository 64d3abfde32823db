"""automate_llm_reconcile: count calls whose process died, list those in doubt, end them by evidence."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from automate_governance.errors import NormalizedError
from automate_llm import host
from automate_llm.budgets import reconcile
from automate_llm.models import LedgerEntry
from automate_llm.money import shown, to_micros


class Command(BaseCommand):
    help = "Count lost LLM calls as spent and list them; with --entry, end one by evidence."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--schema", help="the workspace's schema, where one server has many")
        parser.add_argument("--entry", help="id of the ledger entry to end")
        parser.add_argument("--cost-usd", help="what it cost: 0 gives the money back")
        parser.add_argument("--evidence", default="", help="how you know: invoice, usage export, the provider's word")

    def handle(self, *args: Any, **options: Any) -> None:
        in_schema = getattr(host.current(), "schema_scope", None)
        if options["schema"] and in_schema is None:
            raise CommandError("This project has one schema; leave --schema out.")
        with in_schema(options["schema"]) if options["schema"] and in_schema else nullcontext():
            try:
                self._reconcile(options)
            except NormalizedError as error:
                raise CommandError(error.message) from None

    def _reconcile(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        if options["entry"]:
            if options["cost_usd"] is None:
                raise CommandError("Say what it cost: --cost-usd.")
            try:
                entry_id, cost = UUID(options["entry"]), to_micros(options["cost_usd"])
                entry = reconcile.reconcile(entry_id, cost_micros=cost, evidence=options["evidence"], now=now)
            except (ValueError, ArithmeticError, LedgerEntry.DoesNotExist):
                raise CommandError("There is no such entry, or the cost is no amount.") from None
            self.stdout.write(f"{entry.pk} settled at ${shown(entry.cost_micros)}")
            return
        self.stdout.write(f"{reconcile.sweep(now=now)} lost calls counted as spent")
        reconcile.forget_runs(now=now)
        for entry in LedgerEntry.objects.filter(status=LedgerEntry.Status.UNRECONCILED).order_by("pk"):
            told = f"{entry.pk} {entry.at.isoformat()} {entry.provider} {entry.model} {entry.error_code}"
            self.stdout.write(f"{told} ${shown(entry.cost_micros)} {entry.provider_request_id}".rstrip())
