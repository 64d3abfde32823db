"""How many rows came on top of a list that holds still, as it asks: `?newer_than=<id of its first row>`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from automate_governance.errors import Invalid
from automate_web.filters import as_uuid
from automate_web.requests import wants_fragment

PARAMETER = "newer_than"
MOST = 99  # counted; more are "99+"


def wants_count(request: HttpRequest) -> bool:
    return PARAMETER in request.GET and wants_fragment(request)


def count_newer(request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
    """The number of `rows` with a later id, as text. Raises Invalid."""
    newest = as_uuid(request.GET[PARAMETER])
    if newest is None:
        raise Invalid("newer_than must be the id of a row.", details={"param": PARAMETER})
    count = rows.filter(pk__gt=newest).order_by()[: MOST + 1].count()
    return HttpResponse(f"{MOST}+" if count > MOST else str(count), content_type="text/plain")
