"""Known secret values, wherever they turn up: plain, JSON-escaped, URL-encoded, HTML-escaped, base64, hex."""

from __future__ import annotations

import base64
import html
import json
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from automate_governance.redaction.patterns import MASK

SHORTEST = 4  # a shorter secret masks only a text equal to it: it would be found in every second word
SHORTEST_ENCODED = 6


def spellings(secret: str) -> set[str]:
    """Every text under which `secret` may show itself."""
    raw = secret.encode("utf-8", "surrogatepass")
    found = {secret, secret.strip(), html.escape(secret), html.escape(secret, quote=False)}
    found |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    found |= {json.dumps(text)[1:-1] for text in tuple(found)}  # JSON inside JSON
    found |= {repr(secret)[1:-1], repr(raw)[2:-1]}
    for encoded in (quote(raw, safe=""), quote(raw), quote_plus(raw), quote(quote(raw, safe=""), safe="")):
        found |= {encoded, _lower_escapes(encoded)}
    found |= {raw.hex(), raw.hex().upper(), raw.hex(" "), raw.hex(":")}
    found |= _base64_spellings(raw)
    return {text for text in found if len(text) >= SHORTEST}


def _base64_spellings(raw: bytes) -> set[str]:
    """Base64 of `raw` alone and of `raw` inside something longer: three alignments, without the shared edge characters.

    `user:secret` in a Basic header is such a case. Both alphabets.
    """
    found = set()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        start = (0, 2, 3)[shift]  # characters that also hold bits of what stands before
        end = len(encoded) - (1 if (len(raw) + shift) % 3 else 0)  # the last holds bits of what follows
        inner = encoded[start:end]
        if len(inner) >= SHORTEST_ENCODED:
            found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return found


def _lower_escapes(text: str) -> str:
    """`%2F` as `%2f`."""
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


class KnownValues:
    """The spellings of a set of secrets, longest first, so that no part of a longer one is left standing."""

    def __init__(self, secret_values: Iterable[str]):
        secrets = {value for value in secret_values if value}
        self._exact = frozenset(value for value in secrets if len(value) < SHORTEST)
        texts = {text for value in secrets if len(value) >= SHORTEST for text in spellings(value)}
        self._spellings = sorted(texts, key=lambda text: (-len(text), text))
        self._shortest = min(map(len, secrets | texts), default=sys.maxsize)

    def occurs_in(self, text: str) -> bool:
        """Whether `text` holds one of the values, in any of its spellings."""
        if len(text) < self._shortest:
            return False
        return text in self._exact or any(spelling in text for spelling in self._spellings)

    def __bool__(self) -> bool:
        return bool(self._exact or self._spellings)

    def mask(self, text: str) -> str:
        if len(text) < self._shortest:
            return text  # the common case
        if text in self._exact:
            return MASK
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, MASK)
        return text


NOTHING = KnownValues(())


def mask_known(data: Any, secret_values: Iterable[str]) -> Any:
    """A copy of JSON `data` in which only these values are masked: what else looks secret is somebody's to see."""
    known = KnownValues(secret_values)

    def shown(value: Any) -> Any:
        if isinstance(value, str):
            return known.mask(value)
        if isinstance(value, dict):
            return {known.mask(key): shown(item) for key, item in value.items()}
        if isinstance(value, list):
            return [shown(item) for item in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value if known.mask(str(value)) == str(value) else MASK
        return value

    return shown(data)
