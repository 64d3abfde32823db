"""Errors of the API: everything that can go wrong leaves as `{code, message, details, trace_id}`.

The codes are a promise: `docs/errors.md` lists them. What nobody foresaw is logged with its trace id and answered as
`internal_error`, without a word about the inside.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NoReturn
from uuid import uuid4

import orjson
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response

from automate.ingest.refusal import InvalidJson, MethodNotAllowed, MissingApiKey, UnsupportedMediaType
from automate_governance.errors import (
    Invalid,
    NormalizedError,
    NotFound,
    PermissionDenied,
    TooManyRequests,
    Unavailable,
)

logger = logging.getLogger(__name__)

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="automate"'}


class BadRequest(NormalizedError):
    """The request itself is broken, before any of its content was looked at."""

    code, http_status = "bad_request", 400


class UnknownParameter(NormalizedError):
    """A query parameter that this resource does not have; ignoring it would answer another question than was asked."""

    code, http_status = "unknown_parameter", 422


class LengthRequired(NormalizedError):
    code, http_status = "length_required", 411


class PreconditionRequired(NormalizedError):
    """The write does not say which revision it saw."""

    code, http_status = "precondition_required", 428


class InternalError(NormalizedError):
    """Nobody foresaw this; the log has it under the trace id."""


def normalize(error: Exception) -> NormalizedError:
    """The error a caller sees for whatever was raised; `InternalError` for what nobody foresaw."""
    if isinstance(error, NormalizedError):
        return error
    if isinstance(error, Http404):
        return NotFound("There is no such object in this workspace.")
    if isinstance(error, (OperationalError, InterfaceError)):
        return Unavailable("The database did not answer. Nothing was changed; try again.", headers={"Retry-After": "1"})
    if isinstance(error, (RequestDataTooBig, RawPostDataException, UnreadablePostError, SuspiciousOperation)):
        return BadRequest("The request could not be read.")
    if isinstance(error, (exceptions.PermissionDenied, DjangoPermissionDenied)):
        return PermissionDenied("This key may not do that.")
    if isinstance(error, exceptions.APIException):
        return _from_rest_framework(error)
    return InternalError("Something failed on our side. The trace id names it in our log.")


def _from_rest_framework(error: exceptions.APIException) -> NormalizedError:
    if isinstance(error, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        return MissingApiKey("Send an API key: `Authorization: Bearer am_live_...`.")
    if isinstance(error, exceptions.NotFound):
        return NotFound("There is no such object in this workspace.")
    if isinstance(error, exceptions.MethodNotAllowed):
        return MethodNotAllowed("This resource does not answer that method.")
    if isinstance(error, exceptions.UnsupportedMediaType):
        return UnsupportedMediaType("Bodies are JSON. Send `Content-Type: application/json`.")
    if isinstance(error, exceptions.ParseError):
        return InvalidJson("The body is not valid JSON.")
    if isinstance(error, exceptions.ValidationError):
        return Invalid("The input is not valid.", details={"errors": list(_flatten(error.detail))})
    if isinstance(error, exceptions.Throttled):
        return TooManyRequests(
            "Too many requests.", headers={"Retry-After": str(int(getattr(error, "wait", None) or 1))}
        )
    return InternalError("Something failed on our side. The trace id names it in our log.")


def _flatten(detail: Any, path: str = "") -> Any:
    """Serializer errors as a flat list of `{path, code, message}`; `path` is a JSON pointer.

    >>> from rest_framework.exceptions import ErrorDetail
    >>> list(_flatten({"a": [ErrorDetail("Too long.", "max_length")]}))
    [{'path': '/a', 'code': 'max_length', 'message': 'Too long.'}]
    """
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            step = "" if key == "non_field_errors" else "/" + str(key).replace("~", "~0").replace("/", "~1")
            yield from _flatten(value, path + step)
    elif isinstance(detail, list):
        for value in detail:
            yield from _flatten(value, path)
    else:
        yield {"path": path, "code": str(getattr(detail, "code", "invalid")), "message": str(detail)}


def trace_id_of(request: HttpRequest) -> str:
    """The request's trace id (32 hex digits); a fresh one where the middleware that gives it did not run."""
    return getattr(request, "trace_id", None) or uuid4().hex


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Django REST framework's hook: the answer for anything that a view raised."""
    request: HttpRequest = context["request"]._request
    normalized = _log_unforeseen(error, request)
    return Response(
        normalized.as_dict(trace_id_of(request)), status=normalized.http_status, headers=_headers(normalized)
    )


def error_response(request: HttpRequest, error: Exception) -> HttpResponse:
    """The same answer for what fails outside a view: middleware, unknown URLs, Django's own handlers."""
    normalized = _log_unforeseen(error, request)
    return HttpResponse(
        orjson.dumps(normalized.as_dict(trace_id_of(request)), default=str),
        status=normalized.http_status,
        headers=_headers(normalized),
        content_type="application/json",
    )


def _headers(error: NormalizedError) -> dict[str, str]:
    challenge = CHALLENGE if error.http_status == 401 else {}
    return {**challenge, **error.headers, "Cache-Control": "no-store"}


def _log_unforeseen(error: Exception, request: HttpRequest) -> NormalizedError:
    normalized = normalize(error)
    if normalized.http_status >= 500:
        logger.error(
            "%s %s failed",
            request.method,
            request.path,
            exc_info=error,
            extra={"trace_id": trace_id_of(request), "code": normalized.code},
        )
    return normalized


def raise_unknown_path(request: HttpRequest) -> NoReturn:
    """What an unknown URL under `/api/` raises."""
    has_slash = request.path.endswith("/")
    hint = "Paths have no slash at the end." if has_slash else "GET /api/v1/openapi.json lists every path."
    raise NotFound("No such path in this API.", details={"path": request.path[:200], "hint": hint})
