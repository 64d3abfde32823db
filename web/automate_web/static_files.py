"""Static files: collected at each start, each under a name that holds its content's hash, a gzip copy beside it.

A browser may keep such a file for ever, and a release changes the names of what it changed. Where nothing was
collected (tests, commands) the plain names are used, which whitenoise finds in the packages.
"""

from __future__ import annotations

from pathlib import Path

from django.core.management import call_command
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

UNUSED = ("rest_framework",)  # its browsable pages are off: 1.5 MB nobody asks for


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships no types
    """whitenoise's storage, with plain names until there is a manifest."""

    def url(self, name: str | None, force: bool = False) -> str:
        if name is not None and not self.hashed_files:
            return f"{self.base_url}{name}"
        return str(super().url(name, force))


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """whitenoise's middleware; without a folder of collected files it serves those of the packages."""

    def add_files(self, root: str | Path, prefix: str | None = None) -> None:
        if Path(root).is_dir():
            super().add_files(root, prefix)


def collect() -> None:
    """Bring `STATIC_ROOT` up to date. Files of earlier releases stay: a page of theirs may still be open."""
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=list(UNUSED))
