"""What an event carries of Python objects: plain data, without what is sensitive, and with no call into the project."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models.fields.files import FieldFile

from automate.triggers import sources
from automate_governance.redaction import is_sensitive_name

_PLAIN = (str, int, bool, type(None))
_ENCODED = (datetime, date, time, timedelta, Decimal, UUID)  # as text, by Django's JSON encoder
MAX_DEPTH = 20


def fields_of(instance: models.Model) -> dict[str, Any]:
    """The row's columns that may be seen, by field name; a foreign key is its value.

    A value still to be computed by the database (`F("count") + 1`) is left out.
    """
    found = {}
    for column in sources.fields_of(type(instance)):
        if column.attname in instance.get_deferred_fields():
            continue
        value = column.value_from_object(instance)
        if hasattr(value, "resolve_expression"):
            continue
        if isinstance(value, FieldFile):
            found[column.name] = value.name
        elif isinstance(value, (*_PLAIN, *_ENCODED, float, list, tuple, dict)):
            found[column.name] = plain(value)
        else:
            found[column.name] = column.value_to_string(instance)
    return found


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as plain data: rows as their fields, unknown objects as the name of their type, sensitive keys left out.

    >>> plain({"a": (1, float("nan")), "password": "x", "f": object()})
    {'a': [1, None], 'f': '<object>'}
    """
    if isinstance(value, (*_PLAIN, *_ENCODED)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= MAX_DEPTH:
        return f"<{type(value).__name__}>"
    if isinstance(value, models.Model):
        return {"model": value._meta.label, "pk": plain(value.pk), "fields": fields_of(value)}
    if isinstance(value, dict):
        return {str(k): plain(v, depth + 1) for k, v in value.items() if not is_sensitive_name(str(k))}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in value]
    return f"<{type(value).__name__}>"


def name_of(sender: Any) -> str | None:
    """A signal's sender in one word: a model's label, a class's or object's type."""
    if sender is None or isinstance(sender, str):
        return sender
    kind = sender if isinstance(sender, type) else type(sender)
    return str(kind._meta.label) if issubclass(kind, models.Model) else f"{kind.__module__}.{kind.__qualname__}"
