"""As whom PostgreSQL runs. It refuses root, so root borrows another identity.

1. Not root: as we are. 2. Root with user namespaces: inside one, root's own id shows as `nobody`; files stay root's and
nothing is moved. 3. Root without them (many containers): as `nobody` for real; programs and data then live in a folder
that `nobody` can reach, and `notice` says so. Else RootRefused.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automate_platform.embedded.binaries import Binaries

SHARED_ROOT = Path("/var/lib/django-automate")  # only for root without user namespaces
NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
CHOICES = ("self", "namespace", "nobody")


class RootRefused(Exception):
    """We are root and can become nobody in no way; the message says what to do."""


@dataclass(frozen=True)
class Identity:
    """How to start a PostgreSQL program, and where its files must be."""

    kind: str
    binaries: Binaries
    data: Path
    socket_folder: Path
    prefix: tuple[str, ...] = ()
    process: Mapping[str, Any] = field(default_factory=dict)  # more arguments of subprocess: user, group
    notice: str = ""

    def command(self, program: str, *arguments: str) -> list[str]:
        return [*self.prefix, self.binaries.program(program), *arguments]


def choose(*, binaries: Binaries, data: Path, socket_folder: Path, kind: str = "") -> Identity:
    """The first way that works here; `kind` (one of CHOICES) forces one. Raises RootRefused."""
    if kind == "self" or (not kind and os.geteuid() != 0):
        return Identity("self", binaries, data, socket_folder)
    if kind == "namespace" or (not kind and _namespaces_work()):
        return Identity("namespace", binaries, data, socket_folder, prefix=NAMESPACE)
    try:
        nobody = pwd.getpwnam("nobody")
        return _as_nobody(nobody, binaries, data)
    except (KeyError, OSError) as error:
        raise RootRefused(
            f"PostgreSQL refuses to run as root, user namespaces are not allowed here and `nobody` cannot be used "
            f"({error}). Run as another user, or set DATABASE_URL to a PostgreSQL of yours."
        ) from error


def _namespaces_work() -> bool:
    try:
        done = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _as_nobody(nobody: pwd.struct_passwd, binaries: Binaries, data: Path) -> Identity:
    """Programs copied and data kept under SHARED_ROOT, in a folder named after the data folder it stands for."""
    base = SHARED_ROOT / hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name in ("postgres", "run"):
        folder = base / name
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return Identity(
        "nobody",
        _readable_copy(binaries, base / f"programs-{binaries.major}"),
        base / "postgres",
        base / "run",
        process={"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []},
        notice=f"running as root without user namespaces: PostgreSQL runs as nobody and its data is in {base}/postgres",
    )


def _readable_copy(binaries: Binaries, target: Path) -> Binaries:
    """The wheel's programs with the libraries beside them, where anyone may read; a system's PostgreSQL stays put."""
    installation = binaries.folder.parent
    if installation.name != "pginstall":
        return binaries
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    copy = target / package.name / installation.name
    if not copy.exists():
        shutil.copytree(libraries, target / libraries.name, dirs_exist_ok=True)
        unfinished = copy.with_name("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(installation, unfinished, symlinks=True)
        unfinished.rename(copy)
    for folder in (target, target / package.name, target / libraries.name):
        folder.chmod(0o755)
    return Binaries(copy / "bin", binaries.major)
