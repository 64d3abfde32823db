"""The trace id and the caller's address of a request, settled once at the edge.

`traceparent` (W3C Trace Context) is honoured when it is well formed, else a trace begins here; every answer says
which in `X-Trace-Id`. Behind N trusted proxies the caller is the Nth address from the right of `X-Forwarded-For`;
what stands to its left is the caller's own text and is dropped. The setting `TRUSTED_PROXY_COUNT` is N, 0 trusts
nobody.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from automate.services import audit
from automate_tenants.hosts import is_ip_address

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


class TraceMiddleware:
    """Sets `request.trace_id` (32 hex digits) and REMOTE_ADDR; answers with X-Trace-Id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        trace_id = read_traceparent(request.META.get("HTTP_TRACEPARENT", "")) or secrets.token_hex(16)
        request.trace_id = trace_id  # type: ignore[attr-defined]
        request.META["REMOTE_ADDR"] = client_ip(
            request.META.get("REMOTE_ADDR", ""),
            request.META.pop("HTTP_X_FORWARDED_FOR", ""),
            trusted_proxies=getattr(settings, "TRUSTED_PROXY_COUNT", 0),
        )
        with audit.origin(trace_id=UUID(trace_id), ip=request.META["REMOTE_ADDR"]):
            response = self.get_response(request)
        response.headers["X-Trace-Id"] = trace_id
        return response


def read_traceparent(header: str) -> str | None:
    """The trace id of a W3C traceparent header, None when it is absent, malformed or all zeros.

    >>> read_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    '4bf92f3577b34da6a3ce929d0e0e4736'
    >>> [read_traceparent(header) for header in ("", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "ff-" + "a" * 32)]
    [None, None, None]
    """
    found = _TRACEPARENT.fullmatch(header.strip())
    if not found:
        return None
    version, trace_id, parent_id, rest = found.groups()
    if version == "ff" or (version == "00" and rest) or not int(trace_id, 16) or not int(parent_id, 16):
        return None
    return trace_id


def client_ip(peer: str, forwarded_for: str, *, trusted_proxies: int) -> str:
    """The caller's address; "" when the trusted proxies say nothing usable.

    >>> client_ip("10.0.0.1", "6.6.6.6, 203.0.113.9", trusted_proxies=1)
    '203.0.113.9'
    >>> client_ip("203.0.113.9", "6.6.6.6", trusted_proxies=0)
    '203.0.113.9'
    >>> client_ip("", "not an address", trusted_proxies=1)
    ''
    """
    if trusted_proxies < 1:
        return peer
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    if not hops:
        return peer
    caller = hops[-min(trusted_proxies, len(hops))]
    return caller if is_ip_address(caller) else ""
