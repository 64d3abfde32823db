"""Names and values as a query or a form carries them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from automate_connectors.inputs import invalid


def encoded_fields(fields: Mapping[str, Any], what: str) -> str:
    """As application/x-www-form-urlencoded. `what` names the parameter in messages."""
    try:
        return urlencode(list(field_pairs(fields, what)))
    except UnicodeEncodeError:
        raise invalid(f"`{what}` holds half a character (a lone surrogate).") from None


def field_pairs(fields: Mapping[str, Any], what: str) -> list[tuple[str, str]]:
    """Names and texts, in order; a list repeats its name, null is left out."""
    pairs = []
    for name, value in fields.items():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, (Mapping, list, tuple)):
                raise invalid(f"`{what}.{name}` holds an object; only text, numbers and lists of them can be sent.")
            if item is not None:
                pairs.append((str(name), as_text(item)))
    return pairs


def as_text(value: Any) -> str:
    """As JSON writes it: true, not True."""
    return json.dumps(value) if isinstance(value, bool) else str(value)
