"""Strict JSON: what PostgreSQL can hold and every reader can parse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def assert_json(value: Any, message: str) -> None:
    """Fail with `message` unless `value` is strict JSON: text keys, finite numbers, no NUL, no half characters."""
    problem = _json_problem(value, "")
    assert problem is None, f"{message}: {problem}"


def _json_problem(value: Any, path: str, depth: int = 0) -> str | None:
    if depth > 64:
        return f"{path[:60]} is nested deeper than 64 levels or contains itself"
    if value is None or isinstance(value, (bool, int)):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{path or 'it'} is {value}"
    if isinstance(value, str):
        return _text_problem(value, path)
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                return f"{path or 'it'} has the key {key!r}, which is not text"
            if problem := _text_problem(key, path) or _json_problem(item, f"{path}/{key}", depth + 1):
                return problem
        return None
    if isinstance(value, (list, tuple)):
        problems = (_json_problem(item, f"{path}/{index}", depth + 1) for index, item in enumerate(value))
        return next((problem for problem in problems if problem), None)
    return f"{path or 'it'} is a {type(value).__name__}"


def _text_problem(text: str, path: str) -> str | None:
    if "\0" in text:
        return f"{path or 'it'} holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{path or 'it'} holds half a character (a lone surrogate)"
    return None
