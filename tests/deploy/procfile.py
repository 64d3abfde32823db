"""The process list of `deploy/`."""

from __future__ import annotations

import shlex

from tests.deploy.chart import DEPLOY


def processes() -> dict[str, list[str]]:
    """Command by name; `release` runs once before the others."""
    lines = (DEPLOY / "Procfile").read_text().splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(":") for line in lines)}
