"""`automate_export --folder workflows/`: write what runs into files that `automate_import` takes back.

One file for each workflow that is live, named for its slug; with slugs only those. Without `--folder` the one named
workflow is printed. The same version is always the same bytes, so a file changes only where its workflow did.
`--check` writes nothing and tells which files are not what runs. Removed workflows and drafts are left out.
Exit code: 0 written or the same, 1 `--check` found a difference, 2 wrong usage.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from automate.management.schema import in_schema
from automate.models import Workflow, WorkflowVersion
from automate.services import export_definition
from automate_governance.errors import NotFound


class Command(BaseCommand):
    help = "Write live workflows as JSON files, the same bytes for the same version."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", nargs="*", help="the workflows; all that are live without one")
        parser.add_argument("--folder", type=Path, help="where the files go: <folder>/<slug>.json")
        parser.add_argument("--number", type=int, help="this version of the one named workflow, not the live one")
        parser.add_argument("--check", action="store_true", help="say which files differ and write nothing")
        parser.add_argument("--schema", help="the tenant's schema, where the platform hosts many")

    def handle(self, *args: Any, **options: Any) -> None:
        slugs, folder, number = options["slug"], options["folder"], options["number"]
        if folder is None and (len(slugs) != 1 or options["check"]):
            raise CommandError("Name --folder, or one workflow to print.", returncode=2)
        if number is not None and len(slugs) != 1:
            raise CommandError("--number is a version of one workflow: name it.", returncode=2)
        try:
            with in_schema(options["schema"]):
                texts = {version.workflow.slug: export_definition(version) for version in _versions(slugs, number)}
        except NotFound as error:
            raise CommandError(error.message, returncode=2) from error
        if missing := [slug for slug in slugs if slug not in texts]:
            raise CommandError(f"Nothing to export for: {', '.join(missing)}.", returncode=2)
        if folder is None:
            self.stdout.write(texts[slugs[0]], ending="")
            return
        self._write(folder, texts, is_check=options["check"])

    def _write(self, folder: Path, texts: dict[str, str], *, is_check: bool) -> None:
        differing = 0
        for slug, text in texts.items():
            file = folder / f"{slug}.json"
            is_same = file.is_file() and file.read_bytes() == text.encode()
            differing += not is_same
            if not is_same and not is_check:
                folder.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.encode())
            outcome = "unchanged" if is_same else "differs" if is_check else "written"
            self.stdout.write(f"{file}: {outcome}")
        if is_check and differing:
            raise CommandError(f"{differing} of {len(texts)} files are not what runs.")


def _versions(slugs: list[str], number: int | None) -> list[WorkflowVersion]:
    """The live versions, by slug; of one workflow the version with this number."""
    kept = Workflow.objects.kept()
    chosen = kept.filter(slug__in=slugs) if slugs else kept
    if number is not None:
        numbered = WorkflowVersion.objects.filter(workflow__in=chosen, version_num=number)
        return list(numbered.select_related("workflow"))
    live = WorkflowVersion.objects.filter(pk__in=chosen.exclude(active_version=None).values("active_version_id"))
    return list(live.select_related("workflow").order_by("workflow__slug"))
