"""Error pages: what happened, why, the next step, and the trace id. Static in look, no script needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from automate_governance.errors import NormalizedError, NotFound, PermissionDenied, Unavailable
from automate_tenants.permissions import roles_with
from automate_web.api.errors import error_response

TITLES = {
    400: "This request could not be read",
    401: "Log in again",
    403: "You may not do this",
    404: "Nothing here",
    409: "It changed meanwhile",
    413: "Too large",
    422: "Please check what was sent",
    429: "Too many requests",
    500: "Our mistake",
    503: "Back in a moment",
}


class BadRequest(NormalizedError):
    """The request itself is malformed, before any page could look at it."""

    code, http_status = "bad_request", 400


def error_page(request: HttpRequest, error: NormalizedError) -> HttpResponse:
    """The page of any error that a caller may see. Works without a workspace, a user or a database."""
    if request.path_info.startswith("/api/"):  # refused before the API could answer: its host, its workspace
        return error_response(request, error)
    status = error.http_status
    if getattr(request, "urlconf", None):  # the operators' host: the links of our pages lead nowhere there
        return HttpResponse(error.message, status=status, content_type="text/plain; charset=utf-8")
    context: dict[str, Any] = {
        "title": TITLES.get(status, "This did not work"),
        "status": status,
        "error": error.as_dict(getattr(request, "trace_id", "")),
        "missing": error.details.get("permission"),
    }
    if context["missing"]:
        context["granted_to"] = roles_with(error.details["permission"])
    response = render(request, "errors/error.html", context, status=status)
    for name, value in error.headers.items():
        response.headers[name] = value
    return response


def normalized_errors(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    """Middleware: a NormalizedError raised by a page becomes its page; the API shapes its own."""

    class ErrorPages:
        def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
            self.get_response = get_response

        def __call__(self, request: HttpRequest) -> HttpResponseBase:
            return self.get_response(request)

        def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
            if isinstance(exception, NormalizedError):
                return error_page(request, exception)
            if isinstance(exception, OperationalError):
                return error_page(request, _away())
            return None

    return ErrorPages(get_response)


def _away() -> Unavailable:
    message = "The database is away for the moment. Nothing was changed."
    return Unavailable(message, headers={"Retry-After": "5"})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, BadRequest("The request was not understood. Nothing was changed."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, PermissionDenied("Your role may not do this."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, NotFound("There is no such page, or it is not yours to see."))


def server_error(request: HttpRequest) -> HttpResponse:
    if isinstance(sys.exc_info()[1], OperationalError):  # before any page could run
        return error_page(request, _away())
    return error_page(request, NormalizedError("We have logged it under the trace id below. Nothing was half done."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(
        request,
        PermissionDenied(
            "This form was open too long, or cookies are off. Nothing was saved. Reload the page and send it again."
        ),
    )
