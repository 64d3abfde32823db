"""Bulk operations on runs: ask what one would do, start it, watch it, stop it; the worker does the rest."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import RunBulk, RunBulkResult
from automate.services.bulks import MAX_RUNS, Wanted, preview, start_bulk, stop_bulk
from automate_governance.errors import Invalid
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.serializers import Input, JsonObjectOrNull, Text, Time, TraceId
from automate_web.api.views import PAGE_PARAMETERS, ApiView, find, read
from automate_web.bulks import FILTERS, wanted_by


class BulkFilter(Input):
    """Runs as the list of runs names them; `{}` names every run."""

    status = Text(max_length=200, required=False, help_text="One or more states, separated by commas.")
    workflow = Text(max_length=100, required=False, help_text="Id or slug.")
    type = Text(max_length=200, required=False, help_text="Started by an event of exactly this type.")
    event_id = Text(max_length=36, required=False, help_text="Made by this event.")
    trace_id = Text(max_length=36, required=False, help_text="Of this trace.")
    since = Text(max_length=40, required=False, help_text="Whose event came at or after this time, or `24h` ago.")
    until = Text(max_length=40, required=False, help_text="Whose event came before this time.")
    q = Text(max_length=200, required=False, help_text="With this text in their workflow's slug.")


class NewBulk(Input):
    """An action on many runs, named by ids or by a filter."""

    action = fields.ChoiceField(choices=RunBulk.Action.choices)
    ids = fields.ListField(child=fields.UUIDField(), required=False, min_length=1, max_length=MAX_RUNS)
    filter = BulkFilter(required=False)
    version = fields.ChoiceField(choices=["same", "latest"], required=False, default="same", help_text="Of a retry.")
    rate = fields.FloatField(required=False, allow_null=True, default=None, help_text="Runs a second; null: at once.")
    dry_run = fields.BooleanField(required=False, default=False, help_text="Only say how many it would be.")

    def validate(self, attrs: Any) -> Any:
        if ("ids" in attrs) == ("filter" in attrs):
            raise fields.ValidationError("Send ids or a filter.", code="nothing_chosen")
        return attrs


class BulkPreview(fields.Serializer[Any]):
    """What an operation would meet."""

    runs = fields.IntegerField(help_text=f"Named by it, at most {MAX_RUNS:,}.")
    eligible = fields.IntegerField(help_text="Of these, those that the action can be done to as they stand now.")
    by_status = fields.DictField(child=fields.IntegerField())
    seconds = fields.FloatField(allow_null=True, help_text="How long it takes at the rate; null: as fast as it goes.")


class Bulk(fields.Serializer[RunBulk]):
    """A bulk operation and how far it is. Of a dry run, `id` is null and `preview` says what would happen."""

    id = fields.UUIDField(allow_null=True)
    action = fields.ChoiceField(choices=RunBulk.Action.choices)
    status = fields.ChoiceField(choices=[*RunBulk.Status.values, "dry_run"])
    total = fields.IntegerField()
    done = fields.IntegerField()
    skipped = fields.IntegerField(help_text="Runs that it could not be done to; their results say why.")
    rate = fields.FloatField(allow_null=True)
    version = fields.ChoiceField(choices=["same", "latest"])
    error = JsonObjectOrNull()
    created_by = fields.CharField()
    created_at = Time(allow_null=True)
    ended_at = Time(allow_null=True)
    preview = fields.SerializerMethodField()

    @extend_schema_field(BulkPreview(allow_null=True))
    def get_preview(self, bulk: Any) -> Any:
        found = self.context.get("preview")
        return BulkPreview(found).data if found else None


class BulkResult(fields.Serializer[RunBulkResult]):
    """What became of one run."""

    id = fields.UUIDField()
    run_id = fields.UUIDField()
    trace_id = TraceId()
    made_id = fields.UUIDField(allow_null=True, help_text="The retry's run, or the event that the replay made.")
    code = fields.CharField(help_text="Why it was skipped; empty: it was done.")
    message = fields.CharField()


class Bulks(ApiView):
    """`/runs/bulk`"""

    scopes: ClassVar = {"GET": "runs:read", "POST": "runs:write"}

    @describe("run_bulks_list", "List bulk operations", answer=Bulk, is_list=True)
    def get(self, request: Request) -> Response:
        return self.page(Query(request, PAGE_PARAMETERS), RunBulk.objects.all(), Bulk)

    @describe(
        "run_bulks_create",
        "Retry, replay or cancel many runs",
        body=NewBulk,
        answer=Bulk,
        status=202,
        missing=True,
        conflict=True,
        dry_run=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        new = read(request, NewBulk)
        wanted = _wanted(new)
        if new["dry_run"]:
            found = preview(action=new["action"], wanted=wanted, rate=new["rate"])
            dry = RunBulk(
                id=None,
                action=new["action"],
                status="dry_run",
                version=new["version"],
                rate=new["rate"],
                total=found.runs,
                created_by=self.caller.actor,
            )
            return Response(Bulk(dry, context={"preview": found}).data)
        bulk = start_bulk(
            action=new["action"],
            wanted=wanted,
            version=new["version"],
            rate=new["rate"],
            actor=self.caller.actor,
            now=timezone.now(),
        )
        return Response(Bulk(bulk).data, status=202, headers={"Location": reverse("api:run-bulk", args=[bulk.pk])})


class OneBulk(ApiView):
    """`/runs/bulk/{bulk_id}`"""

    scopes: ClassVar = {"GET": "runs:read"}

    @describe("run_bulks_get", "Get a bulk operation", answer=Bulk, missing=True)
    def get(self, request: Request, bulk_id: str) -> Response:
        Query(request, ())
        return Response(Bulk(find(RunBulk.objects.all(), bulk_id, "Bulk operation")).data)


class BulkResults(ApiView):
    """`/runs/bulk/{bulk_id}/results`"""

    scopes: ClassVar = {"GET": "runs:read"}

    @describe(
        "run_bulk_results_list",
        "List what became of each run",
        answer=BulkResult,
        is_list=True,
        missing=True,
        parameters=[query_parameter("status", "Only those `done`, or only those `skipped`.", enum=["done", "skipped"])],
    )
    def get(self, request: Request, bulk_id: str) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, "status"))
        bulk = find(RunBulk.objects.only("id"), bulk_id, "Bulk operation")
        rows: QuerySet[RunBulkResult] = RunBulkResult.objects.filter(bulk_id=bulk.pk)
        asked = query.choices("status", ["done", "skipped"])
        if len(asked) == 1:
            rows = rows.filter(code="") if asked == ["done"] else rows.exclude(code="")
        return self.page(query, rows, BulkResult)


class BulkCancellations(ApiView):
    """`/runs/bulk/{bulk_id}/cancellations`"""

    scopes: ClassVar = {"POST": "runs:write"}

    @describe("run_bulk_cancellations_create", "Stop a bulk operation", answer=Bulk, missing=True, makes=True)
    def post(self, request: Request, bulk_id: str) -> Response:
        Query(request, ())
        found = find(RunBulk.objects.only("id"), bulk_id, "Bulk operation")
        return Response(Bulk(stop_bulk(bulk_id=found.pk, actor=self.caller.actor, now=timezone.now())).data)


def _wanted(new: dict[str, Any]) -> Wanted:
    """Raises Invalid, which names the parameter."""
    if "ids" in new:
        chosen: list[UUID] = new["ids"]
        return Wanted(ids=tuple(str(each) for each in chosen))
    try:
        return wanted_by({name: new["filter"].get(name, "") for name in FILTERS}, now=timezone.now())
    except Invalid as error:
        raise Invalid(
            error.message, details={**error.details, "param": f"filter.{error.details.get('param')}"}
        ) from error
