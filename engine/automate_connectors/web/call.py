"""One HTTP request of a connector."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automate_governance.egress.reply import MAX_BODY_BYTES

_strict = json.JSONEncoder(ensure_ascii=False, allow_nan=False)  # `json.dumps` would make one for each call


@dataclass(frozen=True)
class Call:
    """`is_safe`: whether sending it twice does no more than sending it once; decides what a lost reply means.

    `had_effect`: a call before it, of the same request, may have had an effect that must not be repeated: whatever
    fails now, the step is in doubt.
    """

    method: str
    url: str
    is_safe: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout_seconds: float | None = None  # what is left of the step's own where None
    max_body_bytes: int = MAX_BODY_BYTES
    had_effect: bool = False


def json_body(value: Any) -> bytes:
    """Strict JSON in UTF-8. Raises TypeError, ValueError, RecursionError."""
    return _strict.encode(value).encode()


def tracing(context: Mapping[str, Any]) -> dict[str, str]:
    """Headers by which the other side's logs can be joined with the run."""
    headers = {}
    if context.get("traceparent"):
        headers["traceparent"] = str(context["traceparent"])
    if context.get("tracestate"):
        headers["tracestate"] = str(context["tracestate"])
    if context.get("trace_id"):
        headers["X-Trace-Id"] = str(context["trace_id"])
    return headers
