"""The exact reading of a JSON text: slower, and able to say what is wrong and where.

`json` alone accepts NaN, repeated names, half surrogates and numbers that become infinity (measured on
JSONTestSuite), so each is checked here. Depth is counted before parsing, on the text, so that no recursion limit is
ever met.
"""

from __future__ import annotations

import json
import re
from typing import Any

from automate.ingest.refusal import (
    DuplicateMember,
    InvalidEncoding,
    InvalidJson,
    NumberOutOfRange,
    Refusal,
    TooDeep,
    UnstorableText,
)

MAX_DEPTH = 64
MAX_NUMBER_CHARACTERS = 1000  # of one number; PostgreSQL's numeric holds 16,383 digits after the point
MAX_EXPONENT = 400  # of one number, either sign; a double ends at 1e308 and 5e-324

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)")


def check(raw: bytes) -> Any:
    """The document's value, numbers as exact text where a float would round them. Raises a Refusal."""
    text = decode(raw)
    if nesting(text) > MAX_DEPTH:
        raise _too_deep()
    try:
        value = json.loads(
            text, parse_int=_integer, parse_float=_fraction, parse_constant=_constant, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        raise _syntax(error) from None
    _check_strings(value)
    return value


def explain(raw: bytes, error: Exception) -> Refusal:
    """Why a text that a strict parser refused is refused; `error` is that parser's answer, the last resort."""
    try:
        check(raw)
    except Refusal as refusal:
        return refusal
    return InvalidJson("The body is not valid JSON.", details={"reason": str(error).split(":", 1)[0][:100]})


def decode(raw: bytes) -> str:
    """The text of a UTF-8 body without a byte order mark. Raises InvalidEncoding."""
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise InvalidEncoding("The body starts with a byte order mark. Send UTF-8 without one.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidEncoding(
            f"The body is not UTF-8 (first wrong byte at {error.start}). Encode it as UTF-8.",
            details={"byte": error.start},
        ) from None


def nesting(text: str) -> int:
    """The deepest level of arrays and objects, counted outside strings; stops one past MAX_DEPTH.

    >>> nesting('[{"a": "[[["}]')
    2
    """
    depth = deepest = 0
    for match in _TOKEN.finditer(text):
        mark = match.group()
        if mark in "[{":
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > MAX_DEPTH:
                    return deepest
        elif mark in "]}":
            depth -= 1
    return deepest


def _too_deep() -> TooDeep:
    return TooDeep(
        f"Arrays and objects are nested more than {MAX_DEPTH} deep. Flatten the body.", details={"limit": MAX_DEPTH}
    )


def _syntax(error: json.JSONDecodeError) -> InvalidJson:
    if not error.doc.strip():
        return InvalidJson("The body is empty. Send a JSON document.")
    return InvalidJson(
        f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
        details={"reason": error.msg, "line": error.lineno, "column": error.colno},
    )


def _out_of_range(token: str) -> NumberOutOfRange:
    shown = token if len(token) <= 40 else f"{token[:40]}…"
    return NumberOutOfRange(
        "A number is too large, too small or too long to be stored exactly. Send it as a string.",
        details={"number": shown},
    )


def _integer(token: str) -> Any:
    if len(token) > 309:
        raise _out_of_range(token)
    try:
        if float(token) in (float("inf"), float("-inf")):
            raise _out_of_range(token)
    except OverflowError:
        raise _out_of_range(token) from None
    return int(token)


def _fraction(token: str) -> str:
    """Kept as text: the value is for checking and exact look-ups, the stored document is the sender's own."""
    exponent = _EXPONENT.search(token)
    if len(token) > MAX_NUMBER_CHARACTERS or (
        exponent is not None and (len(exponent[1]) > 6 or abs(int(exponent[1])) > MAX_EXPONENT)
    ):
        raise _out_of_range(token)
    if float(token) in (float("inf"), float("-inf")):
        raise _out_of_range(token)
    return token


def _constant(token: str) -> Any:
    raise InvalidJson(f"{token} is not JSON. Send null or a string.", details={"reason": token})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                shown = name[:100].encode("utf-8", "replace").decode()
                message = f"The name {json.dumps(shown)} appears twice in one object."
                raise DuplicateMember(message, details={"name": shown})
            seen.add(name)
    return members


def _check_strings(value: Any) -> None:
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            _check_text(node)
        elif isinstance(node, dict):
            for name in node:
                _check_text(name)
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise UnstorableText("A string holds the character U+0000. Remove it.", details={"reason": "nul"})
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UnstorableText(
            "A string holds half of a surrogate pair. Send whole characters.", details={"reason": "surrogate"}
        ) from None
