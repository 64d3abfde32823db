"""A hand on a run: ask it to stop, say what became of a doubtful step."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import ExecutionRun
from automate.services.deadletters import settle
from automate.services.runs import cancel_run
from automate_web.api.documentation import describe
from automate_web.api.query import Query
from automate_web.api.rows import run_rows
from automate_web.api.serializers import AnyJson, Input, RunSummary, Text
from automate_web.api.views import ApiView, find, read


class NewCancellation(Input):
    """Nothing needs to be said."""


class NewSettlement(Input):
    """What a person knows of a step whose effect is unknown."""

    step = Text(max_length=120)
    item = fields.IntegerField(required=False, default=0, min_value=0, help_text="Of a fan-out, from 1; otherwise 0.")
    verdict = fields.ChoiceField(
        choices=["happened", "did_not_happen"],
        help_text="`happened`: the step succeeded with `output`. `did_not_happen`: it is tried again, with its key.",
    )
    output = AnyJson(required=False, default=None, allow_null=True)

    def validate(self, attrs: Any) -> Any:
        if attrs["verdict"] == "did_not_happen" and attrs["output"] is not None:
            raise fields.ValidationError({"output": "What did not happen has no output."})
        return attrs


class RunCancellations(ApiView):
    """`/runs/{run_id}/cancellations`"""

    scopes: ClassVar = {"POST": "runs:write"}

    @describe(
        "run_cancellations_create",
        "Cancel a run",
        body=NewCancellation,
        answer=RunSummary,
        status=202,
        missing=True,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request, run_id: str) -> Response:
        Query(request, ())
        run = find(ExecutionRun.objects.only("id"), run_id, "Run")
        read(request, NewCancellation)
        cancel_run(run_id=run.pk, actor=self.caller.actor, now=timezone.now())
        return Response(RunSummary(run_rows().get(pk=run.pk)).data, status=202)


class RunSettlements(ApiView):
    """`/runs/{run_id}/settlements`"""

    scopes: ClassVar = {"POST": "runs:write"}

    @describe(
        "run_settlements_create",
        "Settle a step whose effect is unknown",
        body=NewSettlement,
        answer=RunSummary,
        status=201,
        missing=True,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request, run_id: str) -> Response:
        Query(request, ())
        run = find(ExecutionRun.objects.only("id"), run_id, "Run")
        said = read(request, NewSettlement)
        settle(
            run_id=run.pk,
            step_id=said["step"],
            item=said["item"],
            verdict=said["verdict"],
            output=said["output"],
            actor=self.caller.actor,
            now=timezone.now(),
        )
        return Response(RunSummary(run_rows().get(pk=run.pk)).data, status=201)
