"""What a command says: data to stdout, as JSON or as short lines; talk to stderr, unless it shall be quiet."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from automate_client.failures import USAGE, CommandFailed

_COLOURS = {
    "succeeded": 32, "started": 32, "ok": 32, "failed": 31, "bad": 31, "rejected": 31, "cancelled": 33, "held": 33,
    "waiting": 33, "warn": 33, "running": 36,
}  # fmt: skip


def say(options: argparse.Namespace, line: str) -> None:
    """Talk: to stderr, at once."""
    if not getattr(options, "quiet", False):
        print(line, file=sys.stderr, flush=True)


def show(options: argparse.Namespace, data: Any, lines: Iterable[str] | None = None) -> None:
    """`data` as one JSON document, else `lines`; without lines, a mapping as `name: value`."""
    if options.json:
        print(json.dumps(data, ensure_ascii=False, default=str), flush=True)
        return
    for line in _pairs(data) if lines is None else lines:
        print(line, flush=True)


def show_page(options: argparse.Namespace, page: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    """A page of a list: the API's envelope as JSON, else a table. `columns`: heading → dotted path of the value."""
    if options.json:
        show(options, page)
        return
    rows = [[_cell(_at(row, path)) for path in columns.values()] for row in page["results"]]
    for line in table([list(columns), *rows]) if rows else []:
        print(line)
    if not rows:
        say(options, "Nothing found.")
    if page.get("next"):
        from urllib.parse import parse_qs, urlsplit

        say(options, f"More: --cursor {parse_qs(urlsplit(page['next']).query)['cursor'][0]}")


def table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """
    >>> list(table([["a", "b"], ["long", "x"]]))
    ['a     b', 'long  x']
    """
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        padded = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(painted(cell) for cell in padded).rstrip()


def painted(text: str) -> str:
    """A word of state in its colour, on a terminal that shows colours and a person who wants them."""
    colour = _COLOURS.get(text.strip())
    if colour is None or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty():
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


def confirm(options: argparse.Namespace, question: str) -> None:
    """Go on only if a person says so, or `--yes` did. Raises CommandFailed."""
    if options.yes or options.dry_run:
        return
    if options.no_input or not sys.stdin.isatty():
        raise CommandFailed(f"{question} Say --yes.", USAGE)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandFailed("Nothing was done.")


def _pairs(data: Any) -> Iterable[str]:
    for name, value in data.items() if isinstance(data, Mapping) else []:
        yield f"{name}: {_cell(value)}"


def _at(row: Any, path: str) -> Any:
    for name in path.split("."):
        row = row.get(name) if isinstance(row, Mapping) else None
    return row


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = ", ".join(value) or "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return "".join(each if each.isprintable() else "�" for each in text)  # a payload must not steer the terminal
