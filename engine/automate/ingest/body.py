"""Bodies: from the bytes of a request to a JSON document that PostgreSQL stores and every reader understands.

What is stored is the sender's own JSON text, so numbers keep every digit. The common body costs one pass of orjson
and a few scans in C; whatever a scan cannot clear goes through the exact, slower reading in `strict`. Nothing here is
a 500: each document is accepted or refused with a code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import orjson

from automate.ingest import form, strict
from automate.ingest.media import BodyKind, read_media_type
from automate.ingest.refusal import UnsupportedMediaType, payload_too_large

MAX_BODY_BYTES = 1024 * 1024
MAX_DEPTH = strict.MAX_DEPTH

_SHAPE = bytes.maketrans(b"123456789E\t\n\r", b"000000000e   ")  # digits, exponents and spaces look alike
_LONG_NUMBER = b"0" * 100


@dataclass(frozen=True)
class Body:
    """One accepted body: `text` is stored; `value` is for look-ups (large and fractional numbers in it are floats)."""

    text: str
    value: Any

    def exact_value(self) -> Any:
        """`value` with integers of any size as they are; fractions are floats."""
        return json.loads(self.text)


def read_body(raw: bytes, content_type: str | None, content_encoding: str | None = None) -> Body:
    """The JSON document in `raw`; a form post becomes an object of strings. Raises a Refusal."""
    if len(raw) > MAX_BODY_BYTES:
        raise payload_too_large(MAX_BODY_BYTES)
    if content_encoding and content_encoding.strip().lower() not in {"identity", ""}:
        raise UnsupportedMediaType("The body is compressed. Send it without Content-Encoding.")
    media = read_media_type(content_type)
    if media.kind is BodyKind.JSON:
        return read_json(raw)
    if media.kind is BodyKind.URLENCODED:
        fields = form.read_urlencoded(raw)
    else:
        fields = form.read_multipart(raw, media.boundary)
    return Body(orjson.dumps(fields).decode(), fields)


def read_json(raw: bytes) -> Body:
    """One JSON document (RFC 8259) in UTF-8, every name once per object. Raises a Refusal."""
    try:
        value = orjson.loads(raw)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise strict.explain(raw, error) from None
    if not _is_plainly_sound(raw, value):
        strict.check(raw)
    return Body(raw.decode(), value)


def _is_plainly_sound(raw: bytes, value: Any) -> bool:
    """Whether cheap evidence proves that no name repeats, nothing is too deep and every number and string is storable.

    Names: with no space before a colon each one shows as `":`, so names <= occurrences; orjson kept one of each pair of
    equal names, so kept <= names. Occurrences == kept leaves no room for a repeated name.
    Numbers: orjson refuses infinity, so without a long run of digits only a zero can hide a wild exponent.
    """
    shape = raw.translate(_SHAPE)
    if b"\\u0000" in raw or b" :" in shape or _LONG_NUMBER in shape:
        return False
    names, depth, has_zero = _measure(value)
    return depth <= MAX_DEPTH and raw.count(b'":') == names and not (has_zero and b"0e" in shape)


def _measure(value: Any) -> tuple[int, int, bool]:
    """Names in all objects, levels of nesting (at most one past MAX_DEPTH), and whether any value equals zero."""
    if type(value) is not dict and type(value) is not list:
        return 0, 0, value == 0
    names, depth, has_zero = 0, 0, False
    level = [value]
    while level and depth <= MAX_DEPTH:
        depth += 1
        below: list[Any] = []
        for node in level:
            if type(node) is dict:
                names += len(node)
                children: Any = node.values()
            else:
                children = node
            has_zero = has_zero or 0 in children
            below += [child for child in children if type(child) is dict or type(child) is list]
        level = below
    return names, depth, has_zero
