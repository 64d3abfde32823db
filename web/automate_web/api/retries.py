"""Retries of a run: what one would do, and doing it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import ExecutionRun
from automate.services.retries import FROM_FAILED, plan_retry, retry_run
from automate_web.api.documentation import describe
from automate_web.api.query import Query
from automate_web.api.serializers import Input, Text
from automate_web.api.views import ApiView, find, read

VERSIONS = ("same", "latest")


class NewRetry(Input):
    """Where to begin, and on which version."""

    version = fields.ChoiceField(
        choices=VERSIONS, required=False, default="same", help_text="The run's own, or the one that is live."
    )
    dry_run = fields.BooleanField(required=False, default=False, help_text="Only say what would happen.")

    def get_fields(self) -> Any:
        """`from` is a word of the language: it cannot be declared above."""
        told = "`failed`: the step that ended the run; `start`; or a step's id."
        return {
            "from": Text(max_length=120, required=False, default=FROM_FAILED, help_text=told),
            **super().get_fields(),
        }


class StepAgain(fields.Serializer[Any]):
    """A step that runs again."""

    id = fields.CharField()
    connector = fields.CharField()
    action = fields.CharField()
    effect = fields.ChoiceField(choices=["read", "write", "irreversible", "unknown"])
    repeats = fields.BooleanField(help_text="Its success is recorded: what it did, it does once more.")
    in_doubt = fields.BooleanField(help_text="An attempt of it may have happened and is not proven.")
    only_failed_items = fields.BooleanField(help_text="Of a fan-out: only the items that failed.")


class RetryPlan(fields.Serializer[Any]):
    """What a retry does."""

    run_id = fields.UUIDField(help_text="The run that is repeated.")
    version = fields.IntegerField()
    from_step = fields.CharField()
    kept = fields.ListField(child=fields.CharField(), help_text="Steps whose record stands; they do not run.")
    again = StepAgain(many=True)


class Retry(fields.Serializer[Any]):
    """The plan, and the run that was made; null for a dry run."""

    id = fields.UUIDField(allow_null=True)
    plan = RetryPlan()


class RunRetries(ApiView):
    """`/runs/{run_id}/retries`"""

    scopes: ClassVar = {"POST": "runs:write"}

    @describe(
        "run_retries_create",
        "Retry a run",
        body=NewRetry,
        answer=Retry,
        status=201,
        missing=True,
        conflict=True,
        dry_run=True,
        makes=True,
    )
    def post(self, request: Request, run_id: str) -> Response:
        Query(request, ())
        run = find(ExecutionRun.objects.only("id"), run_id, "Run")
        asked = read(request, NewRetry)
        how: dict[str, Any] = {"run_id": run.pk, "from_step": asked["from"], "version": asked["version"]}
        plan = plan_retry(**how).as_dict()
        if asked["dry_run"]:
            return Response(Retry({"id": None, "plan": plan}).data)
        made = retry_run(**how, actor=self.caller.actor, now=timezone.now())
        location = {"Location": reverse("api:run", args=[made.pk])}
        return Response(Retry({"id": made.pk, "plan": plan}).data, status=201, headers=location)
