"""Error pages: what happened, why, the next step, and the trace id. Static in look, no script needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import render

from automate.ingest.refusal import MethodNotAllowed
from automate_governance.errors import NormalizedError, NotFound, PermissionDenied, Unavailable
from automate_tenants.permissions import roles_with
from automate_web.api.errors import error_response

TITLES = {
    400: "This request could not be read",
    401: "Log in again",
    403: "You may not do this",
    404: "Nothing here",
    405: "Not opened that way",
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
    context: dict[str, Any] = {
        "title": TITLES.get(status, "This did not work"),
        "status": status,
        "error": error.as_dict(getattr(request, "trace_id", "")),
        "missing": error.details.get("permission"),
    }
    if context["missing"]:
        context["granted_to"] = roles_with(error.details["permission"])
    is_operators = bool(getattr(request, "urlconf", None))  # the links of our pages lead nowhere on their host
    template = settings.OPERATORS_ERROR_TEMPLATE if is_operators else "errors/error.html"
    response = render(request, template, context, status=status)
    for name, value in error.headers.items():
        response.headers[name] = value
    return response


def normalized_errors(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    """Middleware: a NormalizedError raised by a page becomes its page, and so does a 405; the API shapes its own."""

    class ErrorPages:
        def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
            self.get_response = get_response

        def __call__(self, request: HttpRequest) -> HttpResponseBase:
            response = self.get_response(request)
            if isinstance(response, HttpResponseNotAllowed) and not response.content:  # `require_POST`, opened by hand
                return error_page(request, _not_allowed(request, response.headers["Allow"]))
            return response

        def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
            if isinstance(exception, NormalizedError):
                return error_page(request, exception)
            if isinstance(exception, OperationalError):
                return error_page(request, _away())
            return None

    return ErrorPages(get_response)


def _not_allowed(request: HttpRequest, allowed: str) -> MethodNotAllowed:
    message = f"This page is only looked at; {request.method} is not for it. Nothing was changed."
    if "GET" not in allowed:
        message = (
            f"A form or a button sends to this address ({allowed}); a link or the address bar cannot. "
            "Nothing was changed. Go back to the page with the button and use it there."
        )
    return MethodNotAllowed(message, headers={"Allow": allowed})


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
