"""The process lists of `deploy/`."""

from __future__ import annotations

import shlex

from tests.deploy.chart import DEPLOY


def processes(file: str = "Procfile") -> dict[str, list[str]]:
    """Command by name; `release` runs once before the others. `Procfile.fleet` is the list beside a message broker."""
    lines = (DEPLOY / file).read_text().splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(":") for line in lines)}
