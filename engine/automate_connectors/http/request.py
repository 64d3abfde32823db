"""Parameters of `http.request`, made into one call: method, URL with its query, headers, body, time limit, size cap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automate_connectors.http.body import read_body
from automate_connectors.http.fields import as_text, encoded_fields
from automate_connectors.inputs import invalid
from automate_connectors.web.call import Call, tracing
from automate_governance.egress.reply import MAX_BODY_BYTES

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_UNSAFE_TO_REPEAT = frozenset(("POST", "PATCH"))


def is_repeatable(params: dict[str, Any], step: dict[str, Any]) -> bool:
    """Whether sending this request twice is safe.

    >>> is_repeatable({"method": "put"}, {}), is_repeatable({"method": "POST"}, {})
    (True, False)
    >>> is_repeatable({"method": "POST"}, {"idempotent": True})
    True
    """
    return read_method(params) not in _UNSAFE_TO_REPEAT or step.get("idempotent") is True


def as_call(params: dict[str, Any], context: dict[str, Any]) -> Call:
    """The request, without credentials of `auth`. Raises ConnectorError (`invalid_params`)."""
    method = read_method(params)
    if method not in METHODS:
        raise invalid(f"`method` is one of {', '.join(METHODS)}.")
    is_safe = is_repeatable(params, context)
    body, content_type = read_body(params)
    headers = _headers(params)
    lower = {name.lower() for name in headers}
    ours = tracing(context)
    if content_type:
        ours["Content-Type"] = content_type
    if context.get("idempotency_key") and is_safe:
        ours["Idempotency-Key"] = str(context["idempotency_key"])
    headers.update((name, value) for name, value in ours.items() if name.lower() not in lower)
    return Call(
        method,
        with_query(_url(params), params.get("query")),
        is_safe,
        headers,
        body,
        timeout_seconds=_timeout(params),
        max_body_bytes=_cap(params),
    )


def read_method(params: Mapping[str, Any]) -> str:
    return str(params.get("method") or "GET").upper()


def with_query(url: str, query: Any) -> str:
    """`url` with the fields of `query` behind its own; a list repeats its name."""
    if not query:
        return url
    if not isinstance(query, Mapping):
        raise invalid("`query` is an object of names and values.")
    base, hash_sign, fragment = url.partition("#")
    joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return base + joint + encoded_fields(query, "query") + hash_sign + fragment


def _url(params: Mapping[str, Any]) -> str:
    url = params.get("url")
    if not isinstance(url, str) or not url:
        raise invalid("`url` is required: text.")
    return url


def _headers(params: Mapping[str, Any]) -> dict[str, str]:
    headers = params.get("headers") or {}
    if not isinstance(headers, Mapping):
        raise invalid("`headers` is an object of names and values.")
    if not all(isinstance(value, (str, int, float)) for value in headers.values() if value is not None):
        raise invalid("`headers` holds a value that is neither text nor a number.")
    return {str(name): as_text(value) for name, value in headers.items() if value is not None}


def _timeout(params: Mapping[str, Any]) -> float | None:
    wanted = params.get("timeout")
    if wanted is None:
        return None
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)) or not wanted > 0:
        raise invalid("`timeout` is a number of seconds above 0.")
    return float(wanted)


def _cap(params: Mapping[str, Any]) -> int:
    wanted = params.get("max_response_bytes")
    if wanted is None:
        return MAX_BODY_BYTES
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 0 < wanted <= MAX_BODY_BYTES:
        raise invalid(f"`max_response_bytes` is a whole number from 1 to {MAX_BODY_BYTES}.")
    return wanted
