"""The connector `http`: one request to any HTTP API, through the one way out (`automate_governance.egress`).

Which replies are worth a repeat, and which requests may be repeated: platform architecture, "Semantics settled", 6.
GET, HEAD, OPTIONS, PUT and DELETE may be; POST and PATCH only when the step declares `idempotent: true`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.core import unknown_action
from automate_connectors.models import ActionSpec, ConnectorError
from automate_governance.clock import Clock, SystemClock
from automate_governance.egress import Egress, EgressError, EgressPolicy, Reply, default_policy
from automate_governance.egress.bridge import exchange
from automate_governance.redaction import redact

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_UNSAFE_TO_REPEAT = frozenset(("POST", "PATCH"))
_REFUSED_UNDONE = frozenset((408, 425, 429, 503))  # the other side says that it did not act
_TRANSIENT = frozenset((500, 502, 504, 507, 520, 521, 522, 523, 524, 529))
_KEPT_BODY = 2000  # characters of an error's body that are kept to be shown
_LONG_NUMBER = re.compile(rb"[0-9]{18}")  # orjson reads integers beyond 64 bits as floats
MAX_RETRY_AFTER = 86_400.0


def is_repeatable(params: dict[str, Any], step: dict[str, Any]) -> bool:
    """Whether sending this request twice is safe.

    >>> is_repeatable({"method": "put"}, {}), is_repeatable({"method": "POST"}, {})
    (True, False)
    >>> is_repeatable({"method": "POST"}, {"idempotent": True})
    True
    """
    return _method(params) not in _UNSAFE_TO_REPEAT or step.get("idempotent") is True


class HttpAdapter(ConnectorAdapter):
    code = "http"
    name = "HTTP"
    description = "Call any HTTP API."
    actions = {
        "request": ActionSpec(
            name="Request",
            description="Send one HTTP request. Redirects are not followed.",
            inputs={
                "method": {"type": "string", "enum": list(METHODS), "default": "GET"},
                "url": {"type": "string", "format": "uri", "required": True},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "query": {"type": "object", "description": "Added to the URL; a list repeats its name."},
                "json": {"description": "Sent as JSON. One of json, form and body."},
                "form": {"type": "object", "description": "Sent as application/x-www-form-urlencoded."},
                "body": {"type": "string", "description": "Sent as it is."},
                "timeout": {"type": "number", "minimum": 0.1, "maximum": 60, "description": "Seconds."},
                "ok_statuses": {
                    "type": "array",
                    "items": {"type": "integer"},
                    "description": "Statuses that count as success; without it, 200 to 299.",
                },
            },
            outputs={
                "status": {"type": "integer"},
                "headers": {"type": "object"},
                "body": {"description": "Parsed where it is JSON, else text."},
                "elapsed_ms": {"type": "number"},
            },
            effect="write",
            idempotency="none",
            repeatable=is_repeatable,
        )
    }

    def __init__(self, clock: Clock | None = None):
        self._clock = clock or SystemClock()

    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """Send the request and wait. Raises ConnectorError."""
        call = self._prepare(action, params, context)
        try:
            reply = exchange(_egress(context), **call)
        except EgressError as error:
            raise _failure(error, params, context) from error
        return self._judge(reply, params, context)

    async def aexecute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """As `execute`, without a thread."""
        call = self._prepare(action, params, context)
        try:
            reply = await _egress(context).request(**call)
        except EgressError as error:
            raise _failure(error, params, context) from error
        return self._judge(reply, params, context)

    def _prepare(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        if action != "request":
            raise unknown_action(self, action)
        method = _method(params)
        if method not in METHODS:
            raise _invalid(f"`method` is one of {', '.join(METHODS)}.")
        body, content_type = _body(params)
        headers = _headers(params)
        lower = {name.lower() for name in headers}
        if content_type and "content-type" not in lower:
            headers["Content-Type"] = content_type
        for name, value in _tracing(params, context).items():
            if name.lower() not in lower:
                headers[name] = value
        return {
            "method": method,
            "url": _url(params),
            "headers": headers,
            "body": body,
            "timeout_seconds": _timeout(params, context),
        }

    def _judge(self, reply: Reply, params: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        body = parse_body(reply)
        if _is_ok(reply.status, params):
            return {
                "status": reply.status,
                "headers": _joined(reply.headers),
                "body": body,
                "elapsed_ms": round(reply.elapsed_ms, 3),
            }
        safe = is_repeatable(params, context)
        transient = reply.status in _TRANSIENT
        raise ConnectorError(
            f"The server answered {reply.status}.",
            retryable=reply.status in _REFUSED_UNDONE or (transient and safe),
            code=f"http_{reply.status}",
            retry_after=self._retry_after(reply.header("retry-after")),
            details={"status": reply.status, "headers": _joined(reply.headers), "body": _excerpt(body, context)},
            in_doubt=transient and not safe,
        )

    def _retry_after(self, text: str) -> float | None:
        """Seconds to wait, from seconds or an HTTP date (RFC 9110, 10.2.3); at most a day."""
        if not text:
            return None
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), MAX_RETRY_AFTER)
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
        return min(max((at - self._clock.now()).total_seconds(), 0.0), MAX_RETRY_AFTER)


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
    return reply.body.decode(_charset(content_type), "replace")


def _parse_json(body: bytes) -> Any:
    if _LONG_NUMBER.search(body):
        return json.loads(body)
    return orjson.loads(body)


def _charset(content_type: str) -> str:
    found = re.search(r"charset=\"?([a-z0-9._-]{1,40})", content_type)
    try:
        return found.group(1) if found and "".encode(found.group(1)) == b"" else "utf-8"
    except (LookupError, UnicodeError):
        return "utf-8"


def _failure(error: EgressError, params: dict[str, Any], context: dict[str, Any]) -> ConnectorError:
    """An egress error in the connector's words: what never left, or may go twice, may be retried."""
    safe = is_repeatable(params, context)
    return ConnectorError(
        error.message,
        retryable=error.retryable and (safe or not error.in_doubt),
        code=error.code,
        retry_after=error.retry_after,
        details=error.details,
        in_doubt=error.in_doubt and not safe,
    )


def _egress(context: Mapping[str, Any]) -> Egress:
    given = context.get("egress")
    if isinstance(given, Egress):
        return given
    policy = given if isinstance(given, EgressPolicy) else default_policy()
    return Egress(policy, pool_key=str(context.get("pool_key") or ""))


def _method(params: Mapping[str, Any]) -> str:
    return str(params.get("method") or "GET").upper()


def _url(params: Mapping[str, Any]) -> str:
    url, query = params.get("url"), params.get("query")
    if not isinstance(url, str) or not url:
        raise _invalid("`url` is required: text.")
    if not query:
        return url
    if not isinstance(query, Mapping):
        raise _invalid("`query` is an object of names and values.")
    base, hash_sign, fragment = url.partition("#")
    joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return base + joint + _encoded(query, "query") + hash_sign + fragment


def _encoded(fields: Mapping[str, Any], what: str) -> str:
    pairs = []
    for name, value in fields.items():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, (Mapping, list, tuple)):
                raise _invalid(f"`{what}.{name}` holds an object; only text, numbers and lists of them can be sent.")
            if item is not None:
                pairs.append((str(name), _plain(item)))
    try:
        return urlencode(pairs)
    except UnicodeEncodeError:
        raise _invalid(f"`{what}` holds half a character (a lone surrogate).") from None


def _plain(value: Any) -> str:
    """As JSON writes it: true, not True."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _headers(params: Mapping[str, Any]) -> dict[str, str]:
    headers = params.get("headers") or {}
    if not isinstance(headers, Mapping):
        raise _invalid("`headers` is an object of names and values.")
    if not all(isinstance(value, (str, int, float)) for value in headers.values() if value is not None):
        raise _invalid("`headers` holds a value that is neither text nor a number.")
    return {str(name): _plain(value) for name, value in headers.items() if value is not None}


def _body(params: Mapping[str, Any]) -> tuple[bytes, str]:
    """The bytes to send and their content type."""
    given = [name for name in ("json", "form", "body") if params.get(name) is not None]
    if len(given) > 1:
        raise _invalid("Give one of `json`, `form` and `body`.")
    if not given:
        return b"", ""
    value = params[given[0]]
    try:
        if given[0] == "json":
            return json.dumps(value, ensure_ascii=False, allow_nan=False).encode(), "application/json"
        if given[0] == "form":
            if not isinstance(value, Mapping):
                raise _invalid("`form` is an object of names and values.")
            return _encoded(value, "form").encode(), "application/x-www-form-urlencoded"
        return str(value).encode(), "text/plain; charset=utf-8"
    except (TypeError, ValueError, RecursionError) as error:
        raise _invalid(f"`{given[0]}` cannot be sent: {type(error).__name__}.") from error


def _tracing(params: dict[str, Any], context: Mapping[str, Any]) -> dict[str, str]:
    """Headers that let the other side follow the call, and recognise a repeat."""
    headers = {}
    if context.get("traceparent"):
        headers["traceparent"] = str(context["traceparent"])
    if context.get("trace_id"):
        headers["X-Trace-Id"] = str(context["trace_id"])
    if context.get("idempotency_key") and is_repeatable(params, dict(context)):
        headers["Idempotency-Key"] = str(context["idempotency_key"])
    return headers


def _timeout(params: Mapping[str, Any], context: Mapping[str, Any]) -> float:
    """The shorter of the step's deadline and the call's own, in seconds."""
    allowed = 0.98 * float(
        context.get("timeout_seconds") or 60.0
    )  # ends before the step does, and says how far it came
    wanted = params.get("timeout")
    if wanted is None:
        return allowed
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)) or not wanted > 0:
        raise _invalid("`timeout` is a number of seconds above 0.")
    return min(float(wanted), allowed)


def _is_ok(status: int, params: Mapping[str, Any]) -> bool:
    ok = params.get("ok_statuses")
    return status in ok if isinstance(ok, (list, tuple)) and ok else 200 <= status < 300


def _joined(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _excerpt(body: Any, context: Mapping[str, Any]) -> Any:
    """An error's body as it may be shown. Redacted before it is cut: half a secret is known to no net."""
    shown = redact(body, (context.get("secrets") or {}).values())
    text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
    return text[:_KEPT_BODY] + "…" if len(text) > _KEPT_BODY else shown


def _invalid(message: str) -> ConnectorError:
    return ConnectorError(message, code="invalid_params")
