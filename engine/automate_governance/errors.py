"""Errors a caller may see: `{code, message, details, trace_id}`, one shape for pages, API, webhooks and CLI.

`code` is a promise (documented, stable); `message` may be reworded and says what to do next; `details` is data and
holds no secret. The trace id is added once, at the edge. Source: seeds, "Error Format Contract".
"""

from __future__ import annotations

from typing import Any


class NormalizedError(Exception):
    """Base of every error that a caller may see.

    >>> NormalizedError("Try later.", details={"retry_after": 5}).as_dict("ab" * 16)["code"]
    'internal_error'
    """

    code: str = "internal_error"
    http_status: int = 500

    def __init__(self, message: str, *, details: dict[str, Any] | None = None, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.message = message
        self.details = details or {}
        self.headers = headers or {}  # extra response headers, such as Retry-After

    def as_dict(self, trace_id: str) -> dict[str, Any]:
        """The contract's JSON object; `trace_id` is 32 hex digits."""
        return {"code": self.code, "message": self.message, "details": self.details, "trace_id": trace_id}


class NotFound(NormalizedError):
    """No such object for this caller; an object of another workspace is not found, never forbidden."""

    code, http_status = "resource_not_found", 404


class Unauthenticated(NormalizedError):
    """No valid credentials came with the request."""

    code, http_status = "unauthenticated", 401


class PermissionDenied(NormalizedError):
    """Known caller, missing role or scope."""

    code, http_status = "permission_denied", 403


class Conflict(NormalizedError):
    """The object changed since the caller read it, or the name is taken."""

    code, http_status = "conflict", 409


class Invalid(NormalizedError):
    """The input was understood and refused; `details.errors` lists each problem with its path."""

    code, http_status = "invalid", 422


class TooManyRequests(NormalizedError):
    """A limit was reached; `Retry-After` says when to come back."""

    code, http_status = "rate_limited", 429


class Unavailable(NormalizedError):
    """Something this service needs is away for the moment; nothing was stored."""

    code, http_status = "unavailable", 503
