"""Nested values in a form, the way Stripe's API reads them: `metadata[order]=7`, `items[0][price]=p`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode


def encode(fields: Mapping[str, Any]) -> bytes:
    """The form's body; null is left out, "" empties a field.

    >>> encode({"a": True, "m": {"k": 1}, "l": ["x"], "n": None})
    b'a=true&m%5Bk%5D=1&l%5B0%5D=x'
    """
    return urlencode([pair for name, value in fields.items() for pair in _pairs(name, value)]).encode()


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _pairs(f"{name}[{key}]", item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _pairs(f"{name}[{index}]", item)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif value is not None:
        yield name, str(value)
