"""Static files: collected once a release, each under a name that holds its content's hash, compressed copies beside it.

A browser may keep such a file for ever, and a release changes the names of what it changed. Where nothing was
collected (tests, commands) the plain names are used, which whitenoise finds in the packages.
"""

from __future__ import annotations

import fcntl
import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

UNUSED = (
    "rest_framework",  # its browsable pages are off: 1.5 MB nobody asks for
    "jquery.js", "select2.full.js", "xregexp.js",  # the admin's pages load the short forms
)  # fmt: skip


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


def collect() -> bool:
    """Bring `STATIC_ROOT` up to date; False where it was. Files of earlier releases stay: a page may still be open.

    Compressing takes seconds of processor time: it is done again only when a file has changed, and by one process at
    a time. Who finds this release's files writes nothing: an image may be built with them and be read only.
    """
    root = Path(settings.STATIC_ROOT)
    stamp, wanted = root.with_name(f"{root.name}.collected"), _release()
    if _holds(stamp, wanted):
        return False
    root.mkdir(parents=True, exist_ok=True)
    with stamp.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _holds(stamp, wanted):  # meanwhile another process has done it
            return False
        stamp.unlink(missing_ok=True)
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=list(UNUSED))
        stamp.write_text(wanted)
    return True


def _holds(stamp: Path, wanted: str) -> bool:
    return stamp.is_file() and stamp.read_text() == wanted


def _release() -> str:
    """A digest of every file that would be collected: its name and content."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(list(UNUSED)):
            with storage.open(name) as file:
                digest.update(f"{name}\0{file.size}\0".encode())
                digest.update(file.read())
    return digest.hexdigest()
