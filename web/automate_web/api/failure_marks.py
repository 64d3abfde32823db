"""Failures of one kind muted for a while, or given to a member."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.services.failure_marks import mark_failures
from automate_governance.errors import Invalid
from automate_tenants.team import members
from automate_web.api.documentation import describe
from automate_web.api.query import Query
from automate_web.api.serializers import Input, Text, Time
from automate_web.api.views import ApiView, read
from automate_web.api.workflows import find_workflow
from automate_web.pages.people import person


class NewFailureMark(Input):
    """What is decided about failures of one workflow and error; what is not said stays."""

    workflow = Text(max_length=100, help_text="Id or slug.")
    fingerprint = Text(max_length=32, allow_blank=True, help_text="Of the group.")
    muted_until = fields.DateTimeField(required=False, allow_null=True, help_text="At most a year ahead; null: heard.")
    owner = Text(required=False, allow_null=True, help_text="E-mail address of a member; null: nobody.")

    def validate(self, attrs: Any) -> Any:
        if "muted_until" not in attrs and "owner" not in attrs:
            raise fields.ValidationError("Say `muted_until`, `owner` or both.", code="nothing_chosen")
        return attrs


class FailureMarkShown(fields.Serializer[Any]):
    """What is decided about failures of one kind."""

    workflow_id = fields.UUIDField()
    fingerprint = fields.CharField()
    owner = fields.CharField(help_text="Empty: nobody.")
    muted_until = Time(allow_null=True)
    updated_at = Time()


class FailureMarks(ApiView):
    """`/failures/marks`"""

    scopes: ClassVar = {"POST": "runs:write"}

    @describe(
        "failure_marks_create",
        "Mute failures of one kind, or give them an owner",
        body=NewFailureMark,
        answer=FailureMarkShown,
        status=201,
        missing=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        said = read(request, NewFailureMark)
        changes = {"muted_until": said["muted_until"]} if "muted_until" in said else {}
        if "owner" in said:
            changes["owner"] = self._actor(said["owner"])
        mark = mark_failures(
            workflow_id=find_workflow(said["workflow"]).pk,
            fingerprint=said["fingerprint"],
            actor=self.caller.actor,
            now=timezone.now(),
            **changes,
        )
        shown = {
            "workflow_id": mark.workflow_id,
            "fingerprint": mark.fingerprint,
            "owner": person(mark.owner) if mark.owner else "",
            "muted_until": mark.muted_until,
            "updated_at": mark.updated_at,
        }
        return Response(FailureMarkShown(shown).data, status=201)

    def _actor(self, email: str | None) -> str:
        if email is None:
            return ""
        member = members(self.caller.tenant.id).filter(user__email__iexact=email).first()
        if member is None:
            raise Invalid("The owner is a member of this workspace.", details={"param": "owner"})
        return f"user:{member.user_id}"
