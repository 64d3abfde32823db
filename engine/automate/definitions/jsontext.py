"""JSON as people type it: parsed with the line of each value kept, so that a problem's path points into the text."""

from __future__ import annotations

import json
from contextlib import suppress
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in fact, not in the stubs
from json.scanner import NUMBER_RE
from typing import Any

_SPACE = " \t\n\r"


class NotJson(ValueError):
    """The text is not JSON; `line` and `column` (from 1) say where it stops being so."""

    def __init__(self, message: str, line: int, column: int):
        super().__init__(message)
        self.line = line
        self.column = column


def parse(text: str) -> Any:
    """The value. Raises NotJson; NaN, Infinity and a key given twice are refused too."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError as error:
        raise NotJson(error.msg, error.lineno, error.colno) from error
    except RecursionError:
        raise NotJson("Nested too deeply", 1, 1) from None
    except ValueError as error:
        raise NotJson(str(error), 1, 1) from error


def lines_of(text: str) -> dict[str, int]:
    """The line (from 1) on which the value of each JSON pointer begins. `text` must be valid JSON.

    >>> lines_of('{"a": [1,\\n  {"b": 2}]}')
    {'': 1, '/a': 1, '/a/0': 1, '/a/1': 2, '/a/1/b': 2}
    """
    found: dict[str, int] = {}
    with suppress(RecursionError):  # what is nested deeper has the line of what is around it
        _walk(text, _skip(text, 0), "", found)
    return found


def line_of(lines: dict[str, int], pointer: str) -> int:
    """The line of `pointer`, or of the nearest thing around it: a missing value is marked where it is missed."""
    while pointer not in lines and pointer:
        pointer = pointer.rpartition("/")[0]
    return lines.get(pointer, 1)


def excerpt(text: str, line: int, column: int, *, width: int = 100) -> str:
    """The line with a caret below the column (both from 1), cut to `width` characters around it.

    >>> print(excerpt('{"a": 1,}', 1, 9))
    {"a": 1,}
            ^
    """
    lines = text.splitlines() or [""]
    whole = lines[min(line, len(lines)) - 1]
    start = max(0, column - 1 - width // 2) if len(whole) > width else 0
    shown = whole[start : start + width].replace("\t", " ")
    return f"{shown}\n{' ' * (column - 1 - start)}^"


def _walk(text: str, at: int, pointer: str, found: dict[str, int]) -> int:
    found[pointer] = text.count("\n", 0, at) + 1
    if text[at] == '"':
        return int(scanstring(text, at + 1)[1])
    if text[at] in "{[":
        return _walk_container(text, at, pointer, found)
    if number := NUMBER_RE.match(text, at):
        return number.end()
    return at + (5 if text.startswith("false", at) else 4)


def _walk_container(text: str, at: int, pointer: str, found: dict[str, int]) -> int:
    is_object, closing = text[at] == "{", "}" if text[at] == "{" else "]"
    at, index = _skip(text, at + 1), 0
    while text[at] != closing:
        name = str(index)
        if is_object:
            key, at = scanstring(text, at + 1)
            name = key.replace("~", "~0").replace("/", "~1")
            at = _skip(text, _skip(text, at) + 1)  # past the colon
        at = _skip(text, _walk(text, at, f"{pointer}/{name}", found))
        if text[at] == ",":
            at, index = _skip(text, at + 1), index + 1
    return at + 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"the key “{next(key for key in names if names.count(key) > 1)}” is given twice")
    return value
