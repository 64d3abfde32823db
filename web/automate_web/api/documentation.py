"""How a resource describes itself in the OpenAPI document: one decorator per method, errors and examples included."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar, cast

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from automate_web.api.conditions import if_unchanged
from automate_web.api.examples import EXAMPLES, TRACE_ID
from automate_web.api.once import once
from automate_web.api.query import orderings
from automate_web.api.serializers import ErrorBody
from automate_web.cursor import DEFAULT_LIMIT, MAX_LIMIT

View = TypeVar("View", bound=Callable[..., Any])

TAGS = (
    "events", "runs", "approvals", "failures", "workflows", "schedules", "halts", "secrets", "audit", "policy", "llm",
    "usage",
    "workspace",
    "overview",
    "views",
    "keys",
    "team",
    "webhooks",
    "notifications",
    "connectors",
)  # fmt: skip
ERRORS = {
    400: ("invalid_json", "The body is not JSON, or not JSON that can be stored."),
    401: ("invalid_api_key", "No API key, or one that is unknown, expired or revoked."),
    403: ("forbidden_scope", "The key lacks the scope, or its workspace is suspended."),
    404: ("resource_not_found", "No such object in this workspace."),
    409: ("conflict", "The object changed since it was read, or the name is taken."),
    413: ("payload_too_large", "The body has more than 1 MiB."),
    415: ("unsupported_media_type", "The body is not `application/json`."),
    422: ("invalid", "The input was understood and refused."),
    429: ("rate_limited", "The key's rate is used up; `Retry-After` and `RateLimit` say when to come back."),
    428: ("precondition_required", "`If-Match` is missing."),
    500: ("internal_error", "Something failed on our side; the trace id names it in our log."),
    503: ("unavailable", "Something this service needs is away; `Retry-After` says when to come back."),
}
LIST_PARAMETERS = [
    OpenApiParameter("cursor", str, description="From `next` or `previous` of another page of the same list."),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        description="Results on one page.",
    ),
]
FIELDS = OpenApiParameter(
    "fields",
    {"type": "string", "maxLength": 2000},
    description="Only these fields of the object, or of each result; names separated by commas.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag of an earlier answer: 304 if it is the same."
)
IF_SAME = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of the answer to a GET: 409 if that is not what is there any more.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag or `draft_revision` that was read; `*` for whichever is there.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description="The same key within 7 days is the same event: the answer has the first ids, `duplicate: true` and "
    "`Idempotent-Replayed: true`. With another body: 422 `idempotency_key_reused`, and nothing is stored.",
)
ONCE = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description="The same request with the same key within 24 hours gets the first answer again, with "
    "`Idempotent-Replayed: true`, and does nothing. Another request: 422; the first still at work: 409.",
)
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200, 201, 304], description="For `If-Match` and `If-None-Match`."
)


def query_parameter(name: str, description: str, *, enum: Sequence[str] | None = None) -> OpenApiParameter:
    return OpenApiParameter(name, str, description=description, enum=enum)


def describe(
    operation_id: str,
    summary: str,
    *,
    answer: Any,
    body: Any = None,
    status: int = 200,
    is_list: bool = False,
    is_ordered: bool = True,
    ordered_by: Collection[str] = (),
    parameters: Sequence[OpenApiParameter] = (),
    missing: bool = False,
    conflict: bool = False,
    unchanged: bool = False,
    dry_run: bool = False,
    if_match: bool = False,
    etag: bool = False,
    idempotency_key: bool = False,
    makes: bool = False,
    sealed: bool = False,
) -> Callable[[View], View]:
    """Name an operation and say what goes in, what comes out and what can go wrong. Operation ids never change.

    A list is also `ordered_by` those names (see `Query.order`). `answer` and `body` are serializer classes, or JSON
    Schemas such as a reference to a component. A POST that `makes` or starts something honours `Idempotency-Key` (see
    `once`; `sealed`: its answer holds a secret). A PUT, PATCH or DELETE honours `If-Match`, a GET `If-None-Match` and
    `fields` (see `conditions`).
    """

    shown = EXAMPLES.get(operation_id, {})
    refusals = {401, 403, 422, 429, 500, 503}
    refusals |= {400, 413, 415} if body is not None else set()
    refusals |= ({404} if missing else set()) | ({409} if conflict or makes else set()) | ({428} if if_match else set())
    success = {
        status: OpenApiResponse(
            page_of(answer) if is_list else answer, description=summary, examples=_examples(shown.get("answer"), status)
        ),
        **({200: OpenApiResponse(answer, description="Nothing had changed: what was there.")} if unchanged else {}),
        **({200: OpenApiResponse(answer, description="With `dry_run`: nothing was changed.")} if dry_run else {}),
    }
    extra = [IF_MATCH] * if_match + [IDEMPOTENCY_KEY] * idempotency_key + [ONCE] * makes

    def decorate(view: View) -> View:
        is_read = view.__name__ == "get"
        is_change = view.__name__ in {"put", "patch", "delete"} and not if_match
        statuses = sorted(refusals | ({409} if is_change else set()))
        documented: Any = extend_schema(
            operation_id=operation_id,
            summary=summary,
            description=shown.get("description"),
            tags=[next(tag for tag in TAGS if operation_id.startswith(tag.removesuffix("s")))],
            parameters=[
                *parameters,
                *(LIST_PARAMETERS if is_list else []),
                *([_ordering(ordered_by)] if is_list and is_ordered else []),
                *extra,
                *([FIELDS, IF_NONE_MATCH] if is_read else []),
                *([IF_SAME] if is_change else []),
                *([ETAG] if is_read or etag or if_match else []),
            ],
            request={"application/json": body} if body is not None else None,
            responses={
                **success,
                **({304: OpenApiResponse(None, "The caller has this answer already.")} if is_read else {}),
                **{code: _refusal(code) for code in statuses},
            },
            examples=[OpenApiExample("Request", shown["body"], request_only=True)] if "body" in shown else None,
        )(once(view, is_sealed=sealed) if makes else if_unchanged(view) if is_change else view)
        documented.answer = answer
        return cast(View, documented)

    return decorate


def _ordering(fields: Collection[str]) -> OpenApiParameter:
    also = f" Also by {', '.join(f'`{name}`' for name in fields)}, with `-` downwards." if fields else ""
    return OpenApiParameter(
        "ordering",
        {"type": "string", "enum": ["-id", "id", *orderings(fields)], "default": "-id"},
        description=f"Ids rise with time: `-id` is newest first, `id` oldest first.{also}",
    )


def page_of(answer: type[serializers.BaseSerializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The envelope of a list of `answer`, as a named class for the document."""
    url_or_null: Any = {"allow_null": True, "help_text": "The full URL of that page; null where there is none."}
    fields = {
        "__doc__": "One page, newest first unless asked otherwise.",
        "next": serializers.URLField(**url_or_null),
        "previous": serializers.URLField(**url_or_null),
        "results": answer(many=True),
    }
    return type(f"{answer.__name__}Page", (serializers.Serializer,), fields)


def _examples(value: Any, status: int) -> list[OpenApiExample]:
    return [OpenApiExample("Answer", value, response_only=True, status_codes=[str(status)])] if value else []


def _refusal(status: int) -> OpenApiResponse:
    code, description = ERRORS[status]
    body = {"code": code, "message": description, "details": {}, "trace_id": TRACE_ID}
    return OpenApiResponse(
        ErrorBody, description, [OpenApiExample("Error", body, response_only=True, status_codes=[str(status)])]
    )
