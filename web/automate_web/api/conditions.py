"""Conditions of a request: `ETag`, `If-None-Match`, `If-Match`, and which fields of the answer are wanted.

Every answer to a GET has an `ETag`; asked again with it in `If-None-Match`, one that says the same is an empty 304. A
change that names in `If-Match` what was read is refused with 409 when it is not what is there any more. A resource may
give an ETag of its own (a revision); else it is a digest of the whole answer, whatever `fields` leave of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.db import OperationalError, connection, transaction
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from automate_governance.errors import Conflict, Invalid
from automate_web.api.json import JsonRenderer

FIELDS = "fields"
MAX_FIELDS_LENGTH = 2000
SERIALIZATION_FAILURE = "40001"
View = Callable[..., HttpResponseBase]


def conditional(request: Request, response: Response, answer: Any) -> Response:
    """The answer to a GET as it was asked for: with its ETag, as 304 where the caller has it, with the fields wanted.

    `answer` is the serializer class that describes it, if one does. Raises Invalid for a field that it does not have.
    """
    if "ETag" not in response.headers:
        response.headers["ETag"] = etag_of(response.data)
    etag = str(response.headers["ETag"])
    wanted = _wanted(request, answer)
    if _names(request.META.get("HTTP_IF_NONE_MATCH", ""), etag):
        return Response(status=304, headers={"ETag": etag})
    if wanted:
        response.data = _only(response.data, wanted)
    return response


def etag_of(answer: Any) -> str:
    """A digest of the whole answer: equal answers, equal tags.

    >>> etag_of({"a": 1}) == etag_of({"a": 1})
    True
    """
    return f'"{hashlib.sha256(JsonRenderer().render(answer)).hexdigest()[:32]}"'


def if_unchanged(view: View) -> View:
    """`view` (a PUT, PATCH or DELETE), refused with 409 when `If-Match` is not the ETag that a GET would give now.

    Looking and changing see one state of the database: a row that somebody else changes in between is a conflict, too.
    """

    @wraps(view)
    def inner(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        wanted = request.META.get("HTTP_IF_MATCH", "").strip()
        if wanted in {"", "*"} or not hasattr(self, "get"):
            return view(self, request, *args, **kwargs)
        with _one_state():
            seen = self.get(request, *args, **kwargs)
            etag = seen.headers.get("ETag") or etag_of(seen.data)
            if not _names(wanted, etag):
                message = "It was changed since you read it. Read it again and repeat your change."
                raise Conflict(message, details={"param": "If-Match", "etag": etag})
            return view(self, request, *args, **kwargs)

    return inner


@contextmanager
def _one_state() -> Iterator[None]:
    """One snapshot for all statements. Raises Conflict where a row was changed after it was taken."""
    is_outermost = not connection.in_atomic_block
    try:
        with transaction.atomic():
            if is_outermost:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != SERIALIZATION_FAILURE:
            raise
        raise Conflict("Somebody changed it at the same moment. Read it again and repeat your change.") from error


def _names(header: str, etag: str) -> bool:
    """Whether the header's list holds this tag; `W/` makes no difference (RFC 9110, 8.8.3.2).

    >>> _names('"a", W/"b"', '"b"'), _names("*", '"b"'), _names("", '"b"')
    (True, True, False)
    """
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags


def _wanted(request: Request, answer: Any) -> frozenset[str]:
    """The fields in `?fields=`; none: all of them."""
    text = request.query_params.get(FIELDS, "")
    if len(text) > MAX_FIELDS_LENGTH:
        raise Invalid(f"fields has at most {MAX_FIELDS_LENGTH} characters.", details={"param": FIELDS})
    wanted = frozenset(filter(None, text.split(",")))
    if wanted and isinstance(answer, type) and issubclass(answer, BaseSerializer):
        known = set(getattr(answer(), "fields", ()))
        if unknown := sorted(wanted - known):
            raise Invalid(
                f"There is no field “{unknown[0][:100]}” here.", details={"param": FIELDS, "known": sorted(known)}
            )
    return wanted


def _only(data: Any, wanted: frozenset[str]) -> Any:
    """These fields of an object; of each result, where the object is a page of a list."""
    if not isinstance(data, Mapping):
        return data
    if "results" in data and "results" not in wanted:
        return {**data, "results": [_only(each, wanted) for each in data["results"]]}
    return {name: value for name, value in data.items() if name in wanted}
