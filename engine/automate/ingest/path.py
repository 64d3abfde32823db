"""Dotted paths into a body: `order.id`, `items.0.sku`. A path that leads nowhere finds nothing and is no error."""

from __future__ import annotations

from typing import Any


def find(value: Any, path: str) -> Any:
    """What `path` leads to, or None. Digits index an array.

    >>> find({"items": [{"sku": "a-1"}]}, "items.0.sku")
    'a-1'
    """
    for name in path.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 7 and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value
