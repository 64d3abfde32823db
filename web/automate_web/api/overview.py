"""The last 24 hours in figures: what Home shows, for dashboards elsewhere."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate_tenants.queue import MOST_WAITING, queue
from automate_web.api.documentation import describe
from automate_web.api.query import Query
from automate_web.api.serializers import Time
from automate_web.api.views import ApiView
from automate_web.overview import MOST_FAILURES, overview


class OverviewHour(fields.Serializer[Any]):
    """One hour of the clock, in UTC; the first and the last are cut by the window."""

    starts_at = Time()
    events = fields.IntegerField()
    runs = fields.IntegerField()
    succeeded = fields.IntegerField()
    failed = fields.IntegerField()


class OverviewQueue(fields.Serializer[Any]):
    """How the workspace stands in the fleet of workers, now."""

    waiting = fields.IntegerField(
        help_text=f"Jobs that are due and that no worker has; counted up to {MOST_WAITING}.", max_value=MOST_WAITING
    )
    oldest_seconds = fields.FloatField(help_text="How long the first of them has waited.")
    in_flight = fields.IntegerField(help_text="Jobs in the hands of workers.")
    max_in_flight = fields.IntegerField(help_text="By the plan.")
    weight = fields.FloatField(help_text="By the plan: the share of the workers beside other workspaces' weights.")


class OverviewShown(fields.Serializer[Any]):
    """Events received in the window, and their runs, retries among them."""

    since = Time()
    until = Time()
    events = fields.IntegerField()
    runs = fields.IntegerField()
    succeeded = fields.IntegerField()
    failed = fields.IntegerField()
    success_rate = fields.FloatField(
        allow_null=True, help_text="Of the runs that succeeded or failed, from 0 to 1; null where none has."
    )
    p95_seconds = fields.FloatField(
        allow_null=True, help_text="19 of 20 runs took less from being made to their end; null where none has ended."
    )
    open_failures = fields.IntegerField(
        help_text=f"Of any age, without muted ones; counted up to {MOST_FAILURES}.", max_value=MOST_FAILURES
    )
    hours = OverviewHour(many=True, help_text="Oldest first.")
    queue = OverviewQueue()


class TheOverview(ApiView):
    """`/overview`"""

    scopes: ClassVar = {"GET": "runs:read"}

    @describe("overview_get", "Get the last 24 hours in figures", answer=OverviewShown)
    def get(self, request: Request) -> Response:
        Query(request, ())
        now = timezone.now()
        found = overview(now)
        shown = {**vars(found), "success_rate": found.success_rate, "queue": queue(now)}
        return Response(OverviewShown(shown).data)
