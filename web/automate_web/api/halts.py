"""Kill switches over the API: the workspace's and each workflow's. A state that is put, so a repeat changes nothing."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import Halt
from automate.services.halts import EVERYTHING, halt, resume
from automate_governance.errors import Conflict
from automate_tenants.halts import why_halted
from automate_web.api.documentation import describe
from automate_web.api.query import Query
from automate_web.api.serializers import Input, Text, Time
from automate_web.api.views import ApiView, read
from automate_web.api.workflows import find_workflow


class HaltChange(Input):
    """The state that shall hold."""

    is_halted = fields.BooleanField()
    reason = Text(max_length=300, required=False, allow_blank=True, default="")


class HaltShown(fields.Serializer[Any]):
    """A switch. While it is on events are taken in and kept, and nothing runs."""

    is_halted = fields.BooleanField()
    halted_at = Time(allow_null=True)
    halted_by = fields.CharField()
    reason = fields.CharField()
    everything = fields.CharField(
        allow_null=True, help_text="Why nothing at all runs here, whoever stopped it; null when it does."
    )


class EngineHalt(ApiView):
    """`/halt`"""

    scopes: ClassVar = {"GET": "workflows:read", "PUT": "workflows:publish"}

    @describe("halts_get", "Say whether the workspace is halted", answer=HaltShown)
    def get(self, request: Request) -> Response:
        Query(request, ())
        return _shown(None)

    @describe("halts_save", "Halt the workspace, or let it go on", body=HaltChange, answer=HaltShown)
    def put(self, request: Request) -> Response:
        Query(request, ())
        _change(request, None, self.caller.actor)
        return _shown(None)


class WorkflowHalt(ApiView):
    """`/workflows/{workflow}/halt`"""

    scopes: ClassVar = {"GET": "workflows:read", "PUT": "workflows:publish"}

    @describe("workflow_halts_get", "Say whether a workflow is halted", answer=HaltShown, missing=True)
    def get(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        return _shown(find_workflow(workflow))

    @describe(
        "workflow_halts_save", "Halt a workflow, or let it go on", body=HaltChange, answer=HaltShown, missing=True
    )
    def put(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        found = find_workflow(workflow)
        _change(request, found, self.caller.actor)
        return _shown(found)


def _change(request: Request, workflow: Any, actor: str) -> None:
    change = read(request, HaltChange)
    slug = workflow.slug if workflow else None
    try:
        if change["is_halted"]:
            halt(actor=actor, now=timezone.now(), reason=change["reason"], workflow=slug)
        else:
            resume(actor=actor, now=timezone.now(), workflow=slug)
    except Conflict:
        pass  # it is as it shall be: whoever was first is named in the answer


def _shown(workflow: Any) -> Response:
    switch = Halt.objects.filter(pk=workflow.pk if workflow else EVERYTHING).first()
    answer = {
        "is_halted": switch is not None,
        "halted_at": switch.halted_at if switch else None,
        "halted_by": switch.halted_by if switch else "",
        "reason": switch.reason if switch else "",
        "everything": why_halted(),
    }
    return Response(HaltShown(answer).data)
