"""Words for forms: the fields that connectors describe their parameters with, as JSON Schema of one field each."""

from __future__ import annotations

from typing import Any

Field = dict[str, Any]


def text(title: str, **more: Any) -> Field:
    """A text. `more`: any JSON Schema word, and `required=True`."""
    return {"type": "string", "title": title, **more}


def secret(title: str, **more: Any) -> Field:
    """A text that is kept secret: the form offers stored secrets and never shows a value."""
    return {"type": "string", "title": title, "format": "password", "secret": True, **more}


def integer(title: str, **more: Any) -> Field:
    return {"type": "integer", "title": title, **more}


def boolean(title: str, **more: Any) -> Field:
    return {"type": "boolean", "title": title, **more}


def texts(title: str, **more: Any) -> Field:
    """A list of texts."""
    return {"type": "array", "title": title, "items": {"type": "string"}, **more}


def mapping(title: str, **more: Any) -> Field:
    """An object with names of the author's choice."""
    return {"type": "object", "title": title, **more}
