"""Replies, read: bodies by their content type, headers as one object, and the wait that the other side asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from automate_governance.clock import Clock
from automate_governance.egress import Reply
from automate_governance.redaction import redact

MAX_RETRY_AFTER = 86_400.0
_KEPT_BODY = 2000  # characters of an error's body that are kept to be shown
_LONG_NUMBER = re.compile(rb"[0-9]{18}")  # orjson reads integers beyond 64 bits as floats


def parse_body(reply: Reply) -> Any:
    """The body as JSON where the reply says so and it is; as text otherwise; None where there is none."""
    if not reply.body:
        return None
    content_type = reply.header("content-type").lower()
    if "json" in content_type.partition(";")[0]:
        try:
            return _parse_json(reply.body)
        except (ValueError, RecursionError):
            pass  # it says JSON and is not: show what came
    return reply.body.decode(charset(content_type), "replace")


def json_object(reply: Reply) -> dict[str, Any]:
    """The body as a JSON object, whatever its content type says; {} where it is none."""
    try:
        found = _parse_json(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def retry_after_seconds(text: str, clock: Clock) -> float | None:
    """Seconds to wait, from seconds or an HTTP date (RFC 9110, 10.2.3); at most a day. None where it says nothing."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return min(max((at - clock.now()).total_seconds(), 0.0), MAX_RETRY_AFTER)


def joined_headers(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Name → value; what came more than once is joined by commas.

    >>> joined_headers((("a", "1"), ("b", "2"), ("a", "3")))
    {'a': '1, 3', 'b': '2'}
    """
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def excerpt(body: Any, context: Mapping[str, Any]) -> Any:
    """An error's body as it may be shown. Redacted before it is cut: half a secret is known to no net."""
    shown = redact(body, (context.get("secrets") or {}).values())
    text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
    return text[:_KEPT_BODY] + "…" if len(text) > _KEPT_BODY else shown


def charset(content_type: str) -> str:
    """The encoding that a content type names, if Python knows it as one of text; else UTF-8."""
    found = re.search(r"charset=\"?([a-z0-9._-]{1,40})", content_type)
    try:
        return found.group(1) if found and "".encode(found.group(1)) == b"" else "utf-8"
    except (LookupError, UnicodeError):
        return "utf-8"


def _parse_json(body: bytes) -> Any:
    if _LONG_NUMBER.search(body):
        return json.loads(body)
    return orjson.loads(body)
