"""What every resource of the API has in common: the key decides the workspace, and its scope ends with the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from automate_governance.errors import NormalizedError, NotFound
from automate_tenants.context import tenant_scope
from automate_web.api import rates
from automate_web.api.authentication import ApiKeyAuthentication, Caller
from automate_web.api.conditions import conditional
from automate_web.api.errors import LengthRequired, error_response, exception_handler, raise_unknown_path, trace_id_of
from automate_web.api.json import JsonParser, JsonRenderer
from automate_web.api.permissions import HasScope
from automate_web.api.query import NO_FIELDS, Query, parse_uuid
from automate_web.cursor import Page, paginate

PAGE_PARAMETERS = ("cursor", "limit", "ordering")


class JsonOnly(BaseContentNegotiation):
    """Answers are JSON whatever `Accept` says: an error nobody can read helps nobody."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next(iter(parsers)) if media_type == "application/json" or media_type.endswith("+json") else None

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class ApiView(APIView):
    """A resource. `scopes` names, for each method that it answers, the scope a key needs; a test key may ask little."""

    scopes: ClassVar[Mapping[str, str]] = {}
    for_tests: ClassVar[frozenset[str]] = frozenset()  # methods that test keys may call: they touch no stored data
    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [HasScope]
    parser_classes = [JsonParser]
    renderer_classes = [JsonRenderer]
    content_negotiation_class = JsonOnly
    metadata_class = None
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, written out in full before the workspace is left: nothing lazy gets past its end."""
        self._rate_headers: dict[str, str] = {}
        try:
            with ExitStack() as self._workspace:
                response = super().dispatch(request, *args, **kwargs)
                if isinstance(response, Response):
                    response.render()
                response.headers.setdefault("Cache-Control", "no-store")
                for name, value in self._rate_headers.items():
                    response.headers.setdefault(name, value)
                return response
        except Exception as error:  # entering, leaving or writing failed; the view's own errors are answered above
            return error_response(request, error)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            raise LengthRequired("Send the body with a Content-Length.")
        self._workspace.enter_context(tenant_scope(self.caller.tenant))
        self._rate_headers = rates.admit(request.auth.pk)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if request.method not in {"GET", "HEAD"} or response.status_code != 200 or not isinstance(response, Response):
            return response
        answer = getattr(getattr(self, "get", None), "answer", None)
        return super().finalize_response(request, conditional(request, response, answer), *args, **kwargs)

    def get_exception_handler(self) -> Any:
        return exception_handler

    @property
    def caller(self) -> Caller:
        caller = self.request.user
        assert isinstance(caller, Caller)
        return caller

    @property
    def trace_id(self) -> str:
        return trace_id_of(self.request._request)

    def page(
        self,
        query: Query,
        rows: QuerySet[Any],
        serializer: type[Serializer[Any]],
        ordered_by: Mapping[str, str] = NO_FIELDS,
        **context: Any,
    ) -> Response:
        """One page of `rows` in the envelope `{next, previous, results}`; `ordered_by` as in `Query.order`."""
        return self.envelope(paginate(rows, query.cursor, query.limit, query.order(ordered_by)), serializer, **context)

    def envelope(self, page: Page[Any], serializer: type[Serializer[Any]], **context: Any) -> Response:
        return Response(
            {
                "next": self._page_url(page.next_cursor),
                "previous": self._page_url(page.previous_cursor),
                "results": serializer(page.results, many=True, context=context).data,
            }
        )

    def _page_url(self, cursor: str | None) -> str | None:
        """On the configured host, never on the one that the request's Host header claims."""
        if cursor is None:
            return None
        parameters = [(k, v) for k, v in self.request.query_params.items() if k != "cursor"] + [("cursor", cursor)]
        return f"{settings.BASE_URL.rstrip('/')}{self.request.path}?{urlencode(parameters)}"


def read(request: Request, serializer: type[Serializer[Any]]) -> dict[str, Any]:
    """The body, as the serializer understands it. Raises ValidationError, which names every field that is wrong."""
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def find(rows: QuerySet[Any], text: str, kind: str) -> Any:
    """The row whose id is `text`. Raises NotFound for an unknown id and for what is no id at all."""
    key = parse_uuid(text)
    row: Model | None = rows.filter(pk=key).first() if key else None
    if row is None:
        raise not_found(kind, text)
    return row


def not_found(kind: str, text: str | UUID) -> NotFound:
    shown = str(text)[:100]
    return NotFound(f"{kind} {shown} does not exist in this workspace.", details={"id": shown})


@csrf_exempt
def unknown_path(request: HttpRequest, path: str | None = None) -> HttpResponse:
    """Every URL under `/api/` that is none: an error in the API's own shape."""
    try:
        raise_unknown_path(request)
    except NormalizedError as error:
        return error_response(request, error)
