"""`automate_import --file workflows/order_flow.json`: load workflows from files kept under version control.

A file holds one definition or a list of them; a folder stands for every `.json` file below it. What a file says goes
live as a new version (the seeds' "load your workflow"); `--no-publish` leaves it as the draft. Running it again changes
nothing. One problem anywhere, and nothing is imported; every problem is listed with its file and place.
Exit code: 0 imported or unchanged, 1 refused, 2 wrong usage.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from automate.definitions import jsontext
from automate.management.schema import in_schema
from automate.services import Imported, InvalidImport, import_definitions
from automate_governance.errors import NotFound


class Command(BaseCommand):
    help = "Load workflow definitions from a JSON file or a folder of them, and make them live."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--file", required=True, type=Path, help="a JSON file, or a folder of them")
        parser.add_argument("--no-publish", action="store_true", help="leave changes as drafts")
        parser.add_argument("--publish", action="store_true", help="make changes live (the default)")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and change nothing")
        parser.add_argument("--schema", help="the tenant's schema, where the platform hosts many")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["publish"] and options["no_publish"]:
            raise CommandError("--publish and --no-publish exclude each other.", returncode=2)
        read = list(_documents(options["file"]))
        documents = [(document.source, document.definition) for document in read]
        try:
            with in_schema(options["schema"]):
                imported = import_definitions(
                    documents,
                    actor="system:automate_import",
                    now=timezone.now(),
                    publish=not options["no_publish"],
                    dry_run=options["dry_run"],
                )
        except InvalidImport as error:
            for source, problems in error.problems.items():
                place = next(document for document in read if document.source == source)
                for problem in problems:
                    self.stderr.write(f"{place.at(problem.path)}: {problem.path or '/'}: {problem.message}")
            raise CommandError(error.message) from error
        except NotFound as error:
            raise CommandError(error.message, returncode=2) from error
        self._tell(imported, as_json=options["json"], dry_run=options["dry_run"])

    def _tell(self, imported: list[Imported], *, as_json: bool, dry_run: bool) -> None:
        if as_json:
            rows = [
                {"slug": i.slug, "outcome": i.outcome, "version": i.version_num, "file": i.source} for i in imported
            ]
            self.stdout.write(json.dumps({"imported": rows, "dry_run": dry_run}, indent=2))
            return
        for item in imported:
            version = f"v{item.version_num}" if item.version_num else "draft"
            self.stdout.write(f"{item.slug}: {item.outcome}, {version} ({item.source})")
        if dry_run:
            self.stdout.write("Dry run: nothing was written.")


@dataclass(frozen=True)
class _Read:
    """One definition, the file's text, and the pointer to the definition in it."""

    source: str
    definition: Any
    file: Path
    text: str
    above: str = ""

    def at(self, pointer: str) -> str:
        """`order.json:12`, as editors and compilers write a place."""
        lines = jsontext.lines_of(self.text)
        return f"{self.file}:{jsontext.line_of(lines, self.above + pointer)}"


def _documents(path: Path) -> Iterator[_Read]:
    """Every definition in the file or folder. Raises CommandError for what cannot be read."""
    if path.is_dir():
        files = sorted(path.rglob("*.json"))
        if not files:
            raise CommandError(f"{path}: no .json file in this folder.", returncode=2)
    else:
        files = [path]
    for file in files:
        try:
            text = file.read_text(encoding="utf-8-sig")
            content = jsontext.parse(text)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.", returncode=2) from error
        except UnicodeDecodeError as error:
            raise CommandError(f"{file}: this is not JSON in UTF-8: {error}") from error
        except jsontext.NotJson as error:
            shown = jsontext.excerpt(text, error.line, error.column)
            where = f"{file}:{error.line}:{error.column}"
            raise CommandError(f"{where}: this is not JSON: {error}\n{shown}") from error
        if isinstance(content, list):
            for index, definition in enumerate(content):
                yield _Read(f"{file}[{index}]", definition, file, text, f"/{index}")
        else:
            yield _Read(str(file), content, file, text)
