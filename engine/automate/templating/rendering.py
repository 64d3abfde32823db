"""From a step's parameters with templates in them to plain values."""

from __future__ import annotations

import re
from typing import Any

from jinja2.runtime import Undefined

from automate.templating.environment import compiled
from automate.templating.errors import TemplateFailed
from automate.templating.limits import MAX_VALUE_DEPTH, SECRET_KEY, Budget, budget
from automate.templating.values import leave, part

_MARKS = re.compile(r"\{[{%#]")
# One path alone, by far the commonest template: read without Jinja2, to the same end (a property test compares them).
_LONE_PATH = re.compile(
    r"\{\{\s*((?:steps\.[A-Za-z_][A-Za-z0-9_-]*[A-Za-z0-9_]|[A-Za-z_][A-Za-z0-9_]*)"
    r"(?:\.(?:[A-Za-z_][A-Za-z0-9_]*|0|[1-9][0-9]{0,8}))*)\s*\}\}"
)
_WORDS = frozenset(
    {"true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "else", "self"}
)
_paths: dict[str, tuple[str | int, ...] | None] = {}  # template -> its path, None when it is not a lone path
_KEPT_PATHS = 8_192


def render(value: Any, context: dict[str, Any]) -> Any:
    """`value` with every template in it resolved; dicts and lists are walked, keys and `{"$secret": ...}` left alone.

    The result shares nothing with `context` that could be changed. Raises TemplateFailed; `details.path` is the JSON
    pointer of the template inside `value`.
    """
    counted = Budget()
    token = budget.set(counted)
    try:
        return _render(value, context, counted, 0)
    finally:
        budget.reset(token)


def has_template(text: str) -> bool:
    """Whether rendering would change `text`.

    >>> has_template("{{ payload }}"), has_template("{ }")
    (True, False)
    """
    return _MARKS.search(text) is not None


def lone_path(source: str) -> tuple[str | int, ...] | None:
    """The path of a template that is one path and nothing else.

    >>> lone_path("{{ payload.lines.0.sku }}"), lone_path("{{ payload.a + 1 }}")
    (('payload', 'lines', 0, 'sku'), None)
    >>> lone_path("{{ steps.reserve-stock.output }}")
    ('steps', 'reserve-stock', 'output')
    """
    match = _LONE_PATH.fullmatch(source)
    if match is None:
        return None
    first, *others = match[1].split(".")
    return None if first in _WORDS else (first, *(int(key) if key.isdigit() else key for key in others))


def _render(value: Any, context: dict[str, Any], counted: Budget, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return _text(value, context, counted) if "{" in value else value
    if kind is dict:
        if SECRET_KEY in value:
            return value
        _check_depth(depth)
        made = {}
        for key, item in value.items():
            try:
                made[key] = _render(item, context, counted, depth + 1)
            except TemplateFailed as error:
                raise _at(error, key) from error.__cause__
        return made
    if kind is list:
        _check_depth(depth)
        listed = []
        for index, item in enumerate(value):
            try:
                listed.append(_render(item, context, counted, depth + 1))
            except TemplateFailed as error:
                raise _at(error, index) from error.__cause__
        return listed
    return value


def _text(source: str, context: dict[str, Any], counted: Budget) -> Any:
    try:
        path = _paths[source]
    except KeyError:
        path = _remember(source)
    if path:
        found = _along(path, context)
        kind = type(found)
        if kind is int or kind is float or kind is bool or found is None:
            return found
        return leave(found, counted) if not isinstance(found, Undefined) else _raise_missing(source, path, context)
    if path is not None:
        return source  # braces, but no template
    try:
        return leave(compiled(source).run(context), counted)
    except TemplateFailed as error:
        error.details.setdefault("template", source[:200])
        raise
    except Exception as error:  # whatever a template provokes is its own failure, never the worker's
        message = str(error) or type(error).__name__
        raise TemplateFailed(f"The template failed: {message[:300]}", details={"template": source[:200]}) from error


def _remember(source: str) -> tuple[str | int, ...] | None:
    """() for a text without a template, the path of a lone path, None for a template."""
    path = lone_path(source) if has_template(source) else ()
    if len(_paths) >= _KEPT_PATHS:
        _paths.clear()
    if len(source) <= 1_000:
        _paths[source] = path
    return path


def _along(path: tuple[str | int, ...], context: dict[str, Any]) -> Any:
    found: Any = context
    for key in path:
        found = part(found, key)
    return found


def _raise_missing(source: str, path: tuple[str | int, ...], context: dict[str, Any]) -> Any:
    names = [str(key) for key in path]
    for length in range(1, len(path) + 1):
        if isinstance(_along(path[:length], context), Undefined):
            break
    above = ".".join(names[: length - 1])
    where = f": `{above}` has no `{names[length - 1]}`" if above else ""
    raise TemplateFailed(f"`{'.'.join(names)}` is not there{where}.", details={"template": source[:200]})


def _check_depth(depth: int) -> None:
    if depth >= MAX_VALUE_DEPTH:
        raise TemplateFailed(f"The parameters are nested deeper than {MAX_VALUE_DEPTH} levels.")


def _at(error: TemplateFailed, key: str | int) -> TemplateFailed:
    below = error.details.get("path", "")
    escaped = str(key).replace("~", "~0").replace("/", "~1")
    error.details["path"] = f"/{escaped}{below}"
    return error
