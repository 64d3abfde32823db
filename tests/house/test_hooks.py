"""The hooks that run before a commit: their configuration is valid, local, and names what exists."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / ".pre-commit-config.yaml"
BIN = Path(sys.executable).parent


def test_the_configuration_is_valid() -> None:
    done = subprocess.run([BIN / "prek", "validate-config", CONFIG], capture_output=True, text=True, timeout=30)

    assert done.returncode == 0, done.stderr


def test_every_hook_is_local_and_starts_a_program_of_the_environment() -> None:
    repositories = yaml.safe_load(CONFIG.read_text())["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]

    assert {repository["repo"] for repository in repositories} == {"local"}  # nothing is fetched
    assert {"format", "lint", "imports"} <= {hook["id"] for hook in hooks}
    for hook in hooks:
        program = Path(hook["entry"].split()[0])
        assert program.parent == Path(".venv/bin")
        assert os.access(BIN / program.name, os.X_OK), program


def test_what_ci_runs_is_what_the_makefile_says() -> None:
    ran = (ROOT / ".ci" / "run").read_text()
    targets = {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ": " in line}

    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "make check" in ran
    assert "make test" in ran
    assert {"up", "test", "check", "fmt", "clean"} <= targets
