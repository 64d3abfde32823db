"""JSON that a command is given: in a file, on stdin, or on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from automate_client.failures import INVALID, USAGE, CommandFailed


def text_of(name: str) -> str:
    """The content of a file; of stdin for `-`. Raises CommandFailed."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{name} cannot be read: {error}", USAGE) from error


def parsed(text: str, called: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandFailed(f"{called} is not JSON: {error}", INVALID) from error


def definitions(names: Iterable[str]) -> list[Any]:
    """Every definition in these files; a file may hold a list of them."""
    found: list[Any] = []
    for name in names:
        document = parsed(text_of(name), name)
        found += document if isinstance(document, list) else [document]
    if not found:
        raise CommandFailed("Say --file FILE, or --file - for stdin.", USAGE)
    return found
