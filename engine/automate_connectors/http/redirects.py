"""`follow_redirects`: at most five hops, each a call of its own through egress, so each is checked like the first.

Source: RFC 9110, 15.4: 301 and 302 turn a POST into a GET, 303 everything but HEAD; 307 and 308 repeat the request.
Across origins no credentials go along, and once dropped they do not come back. From https to http nothing is followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

from automate_connectors.inputs import invalid
from automate_connectors.models import ConnectorError
from automate_connectors.web import Call
from automate_governance.egress import EgressError, Reply, parse_target
from automate_governance.redaction import is_sensitive_name

MAX_HOPS = 5
STATUSES = frozenset((301, 302, 303, 307, 308))
_OF_BODIES = frozenset(("content-type", "content-encoding", "content-language", "content-location"))


def read(params: Mapping[str, Any]) -> bool:
    """Whether the step follows redirects. Raises ConnectorError (`invalid_params`)."""
    wanted = params.get("follow_redirects", False)
    if not isinstance(wanted, bool):
        raise invalid("`follow_redirects` is true or false.")
    return wanted


def next_call(call: Call, reply: Reply, *, hops: int, credentials: frozenset[str]) -> Call | None:
    """The call that `reply` points to; None where it is no redirect. `hops`: those made already.

    `credentials`: header names, in lower case, that carry the step's own. Raises ConnectorError: too many, nowhere to
    go, or from https to http. It is in doubt where the request may have had its effect: only a person repeats it.
    """
    location = reply.header("location") if reply.status in STATUSES else ""
    if not location:
        return None
    if hops >= MAX_HOPS:
        raise _stopped(call, "too_many_redirects", f"More than {MAX_HOPS} redirects.")
    try:
        here, there = parse_target(call.url), parse_target(urljoin(call.url, location))
    except (EgressError, ValueError):
        raise _stopped(call, "invalid_redirect", "The redirect leads to no address that can be called.") from None
    if here.scheme == "https" and there.scheme == "http":
        raise _stopped(call, "insecure_redirect", "The redirect leads from https to http; it is not followed.")
    headers = dict(call.headers)
    if (here.scheme, here.host, here.port) != (there.scheme, there.host, there.port):
        headers = {name: value for name, value in headers.items() if not _is_credential(name, credentials)}
    method, body, had_effect = call.method, call.body, call.had_effect
    becomes_get = reply.status == 303 or (reply.status in (301, 302) and method == "POST")
    if becomes_get and method not in ("GET", "HEAD"):
        method, body, had_effect = "GET", b"", had_effect or not call.is_safe
        dropped = {*_OF_BODIES, "idempotency-key"}
        headers = {name: value for name, value in headers.items() if name.lower() not in dropped}
    return replace(call, method=method, url=there.url, headers=headers, body=body, had_effect=had_effect)


def _is_credential(name: str, credentials: frozenset[str]) -> bool:
    return name.lower() in credentials or name.lower() == "cookie" or is_sensitive_name(name)


def _stopped(call: Call, code: str, message: str) -> ConnectorError:
    return ConnectorError(message, code=code, in_doubt=not call.is_safe)
