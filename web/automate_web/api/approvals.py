"""Approvals: the open questions, and answers to them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import ExecutionRun, RunWait
from automate.services.waits import MAX_COMMENT, answer_approval
from automate_web.api.documentation import describe
from automate_web.api.query import Query
from automate_web.api.rows import run_rows
from automate_web.api.serializers import Input, RunWaitShown, Text, Time, WorkflowRef
from automate_web.api.views import PAGE_PARAMETERS, ApiView, find, read
from automate_web.approvals import find_approval, open_approvals
from automate_web.cursor import Page, paginate


class Approval(RunWaitShown):
    """A question that waits for a person."""

    run_id = fields.UUIDField()
    workflow = fields.SerializerMethodField()

    @extend_schema_field(WorkflowRef)
    def get_workflow(self, wait: RunWait) -> Any:
        return WorkflowRef(self.context["runs"][wait.run_id].version.workflow).data


class NewAnswer(Input):
    """A yes or a no."""

    step = Text(max_length=120)
    item = fields.IntegerField(required=False, default=0, min_value=0, help_text="Of a fan-out, from 1; otherwise 0.")
    decision = fields.ChoiceField(choices=["approve", "reject"])
    comment = Text(max_length=MAX_COMMENT, required=False, allow_blank=True, default="")


class Answered(fields.Serializer[RunWait]):
    """The answer that is kept."""

    run_id = fields.UUIDField()
    step = fields.CharField(source="step_id")
    item = fields.IntegerField()
    decision = fields.SerializerMethodField()
    comment = fields.CharField(source="answer.comment")
    answered_by = fields.CharField()
    answered_at = Time()

    @extend_schema_field({"type": "string", "enum": ["approve", "reject"]})
    def get_decision(self, wait: RunWait) -> str:
        return "approve" if (wait.answer or {}).get("approved") else "reject"


class Approvals(ApiView):
    """`/approvals`"""

    scopes: ClassVar = {"GET": "runs:read"}

    @describe("approvals_list", "List open approvals", answer=Approval, is_list=True)
    def get(self, request: Request) -> Response:
        query = Query(request, PAGE_PARAMETERS)
        page = paginate(open_approvals(timezone.now()), query.cursor, query.limit, query.order())
        runs = run_rows().in_bulk([wait.run_id for wait in page.results])
        shown = Page([w for w in page.results if w.run_id in runs], page.next_cursor, page.previous_cursor)
        return self.envelope(shown, Approval, runs=runs)


class RunApprovals(ApiView):
    """`/runs/{run_id}/approvals`"""

    scopes: ClassVar = {"POST": "runs:write"}

    @describe(
        "run_approvals_create",
        "Answer an approval",
        body=NewAnswer,
        answer=Answered,
        status=201,
        missing=True,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request, run_id: str) -> Response:
        Query(request, ())
        run = find(ExecutionRun.objects.only("id"), run_id, "Run")
        said = read(request, NewAnswer)
        answered = answer_approval(
            wait_id=find_approval(run.pk, said["step"], said["item"]).pk,
            approved=said["decision"] == "approve",
            comment=said["comment"],
            actor=self.caller.actor,
            now=timezone.now(),
        )
        return Response(Answered(answered).data, status=201)
