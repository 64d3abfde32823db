"""Redaction of whole values: walks dicts and lists, reads JSON inside strings, and knows pairs of name and value.

The walk is bounded in depth and in nodes; what lies beyond is masked, never shown unread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Set
from typing import Any

from automate_governance.redaction.current import masks_emails
from automate_governance.redaction.emails import mask_emails
from automate_governance.redaction.names import counts_something, is_sensitive_name
from automate_governance.redaction.patterns import MASK, SHORTEST_KEY, is_card_number, mask_patterns
from automate_governance.redaction.text import mask_named
from automate_governance.redaction.values import NOTHING, KnownValues

MAX_DEPTH = 100
MAX_NODES = 500_000
MAX_NESTED_JSON = 4  # JSON in a string in JSON in a string …
MAX_JSON_TEXT = 2_097_152  # characters; longer text is still searched as text
_SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_NAME_FIELDS = ("name", "key", "header", "field", "param", "Name", "Key")
_VALUE_FIELDS = frozenset(("value", "Value", "val", "content"))


def redact(data: Any, secret_values: Iterable[str] = ()) -> Any:
    """A copy of `data` with secrets replaced by `********`; data of other types comes back as redacted text.

    `secret_values`: values known to be secret, such as those resolved for a step. `{"$secret": "NAME"}` is a reference
    and stays. None, booleans and empty values under a sensitive name stay: they hide nothing and explain much.

    >>> redact({"user": "ann", "apiKey": "x7", "note": "see https://a.example/?token=t0p"})
    {'user': 'ann', 'apiKey': '********', 'note': 'see https://a.example/?token=********'}
    """
    return Redactor(secret_values).redact(data)


def redact_text(text: str, secret_values: Iterable[str] = ()) -> str:
    """`redact` for one text, such as an error message or a log line."""
    return Redactor(secret_values).text(text)


class Redactor:
    """Redaction with one set of known values; build it once per run step, then use it for each of its texts."""

    def __init__(self, secret_values: Iterable[str] = ()):
        values = tuple(secret_values)
        self._known = KnownValues(values) if values else NOTHING
        self._knows = bool(self._known)
        self._masks_emails = masks_emails()
        self._nodes_left = 0

    def redact(self, data: Any) -> Any:
        self._begin()
        return self._value(data, MAX_DEPTH, MAX_NESTED_JSON)

    def text(self, text: str) -> str:
        self._begin()
        return self._text(text, MAX_NESTED_JSON)

    def _begin(self) -> None:
        self._nodes_left = MAX_NODES
        self._masks_emails = self._masks_emails or masks_emails()  # policy only adds

    def _value(self, value: Any, depth: int, nested: int) -> Any:
        if isinstance(value, str):
            return self._text(value, nested)
        if value is None or isinstance(value, (bool, float)):
            return value
        if isinstance(value, int):
            return self._number(value)
        self._nodes_left -= 1
        if depth == 0 or self._nodes_left < 0:
            return MASK
        if isinstance(value, (dict, Mapping)):  # a dict is seen at once, another mapping is asked for
            return self._mapping(value, depth - 1, nested)
        if isinstance(value, (list, tuple, Set)):
            return self._sequence(list(value), depth - 1, nested)
        if isinstance(value, (bytes, bytearray)):
            return self._text(bytes(value).decode("utf-8", "replace"), nested)
        return self._text(str(value), nested)

    def _mapping(self, value: Mapping[Any, Any], depth: int, nested: int) -> dict[Any, Any]:
        if len(value) == 1 and _is_reference(value):
            return dict(value)
        self._nodes_left -= len(value)
        pair = (None, None) if _VALUE_FIELDS.isdisjoint(value) else _name_value_fields(value)
        redacted = {}
        for key, item in value.items():
            if not isinstance(key, str):
                redacted[key] = self._value(item, depth, nested)
                continue
            shown = self._key(key) if self._knows or self._masks_emails or len(key) >= SHORTEST_KEY else key
            if ((is_sensitive_name(key) and key != pair[0]) or key == pair[1]) and _hides_something(key, item):
                redacted[shown] = MASK
            else:
                redacted[shown] = self._value(item, depth, nested)
        return redacted

    def _sequence(self, items: list[Any], depth: int, nested: int) -> list[Any]:
        if len(items) == 2 and isinstance(items[0], str) and isinstance(items[1], str) and is_sensitive_name(items[0]):
            return [items[0], MASK]  # a header as a pair
        return [self._value(item, depth, nested) for item in items]

    def _key(self, key: str) -> str:
        """A key can be a secret itself: `{"sk_live_…": 1}`."""
        key = self._known.mask(key)
        if self._masks_emails:
            key = mask_emails(key)
        return mask_patterns(key) if len(key) >= SHORTEST_KEY else key

    def _number(self, value: int) -> Any:
        if value > 10**13 and value < 10**19 and is_card_number(str(value)):
            return MASK
        if not self._knows:
            return value
        shown = str(value) if -(10**40) < value < 10**40 else ""  # longer ones are slow to write, and no secret
        return value if self._known.mask(shown) == shown else MASK

    def _text(self, text: str, nested: int) -> str:
        if self._knows:
            text = self._known.mask(text)
        if len(text) < 12 and ":" not in text and "=" not in text:
            return mask_emails(text) if self._masks_emails else text  # too short for other shapes, and it names nothing
        if nested and text[0] in ' \t\r\n{["' and len(text) <= MAX_JSON_TEXT:
            text = self._json_text(text, nested)
        text = mask_patterns(mask_named(text))
        return mask_emails(text) if self._masks_emails else text

    def _json_text(self, text: str, nested: int) -> str:
        """A text that is JSON is redacted as what it means: `"pass\\u0077ord"` is a name too."""
        if text.lstrip()[:1] not in ("{", "[", '"'):
            return text
        try:
            meant = json.loads(text)
        except (ValueError, RecursionError):
            return text
        shown = self._value(meant, MAX_DEPTH, nested - 1)
        return text if shown == meant else json.dumps(shown, ensure_ascii=False)


def _is_reference(value: Mapping[Any, Any]) -> bool:
    name = value.get("$secret") if len(value) == 1 else None
    return isinstance(name, str) and _SECRET_NAME.fullmatch(name) is not None


def _name_value_fields(value: Mapping[Any, Any]) -> tuple[str | None, str | None]:
    """`("name", "value")` of `{"name": "Authorization", "value": …}`; the second is None where the name is harmless."""
    value_field = next(field for field in value if field in _VALUE_FIELDS)
    for name_field in _NAME_FIELDS:
        name = value.get(name_field)
        if isinstance(name, str):
            return name_field, value_field if is_sensitive_name(name) else None
    return None, None


def _hides_something(key: str, item: Any) -> bool:
    if item is None or isinstance(item, bool) or item in ("", [], {}, ()):
        return False
    if isinstance(item, Mapping) and _is_reference(item):
        return False
    return not (isinstance(item, (int, float)) and counts_something(key))
