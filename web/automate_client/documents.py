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
    except json.JSONDecodeError as error:
        shown = _excerpt(text, error.lineno, error.colno)
        where = f"{called}:{error.lineno}:{error.colno}"
        raise CommandFailed(f"{where}: this is not JSON: {error.msg}\n{shown}", INVALID) from error
    except (ValueError, RecursionError) as error:
        raise CommandFailed(f"{called} is not JSON: {error}", INVALID) from error


def _excerpt(text: str, line: int, column: int, width: int = 100) -> str:
    """The line with a caret below the column."""
    whole = (text.splitlines() or [""])[line - 1 :][:1] or [""]
    start = max(0, column - 1 - width // 2) if len(whole[0]) > width else 0
    shown = whole[0][start : start + width].replace("\t", " ")
    return f"{shown}\n{' ' * (column - 1 - start)}^"


def definitions(names: Iterable[str]) -> list[Any]:
    """Every definition in these files; a file may hold a list of them."""
    found: list[Any] = []
    for name in names:
        document = parsed(text_of(name), name)
        found += document if isinstance(document, list) else [document]
    if not found:
        raise CommandFailed("Say --file FILE, or --file - for stdin.", USAGE)
    return found
