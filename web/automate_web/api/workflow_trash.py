"""The trash, what stops with a workflow, and copies."""

from __future__ import annotations

from typing import ClassVar

from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from automate import services
from automate.models import Workflow
from automate_web.api import serializers
from automate_web.api.documentation import describe
from automate_web.api.query import Query
from automate_web.api.serializers import workflows as shapes
from automate_web.api.views import PAGE_PARAMETERS, ApiView, find, read
from automate_web.api.workflows import answer, find_workflow, in_trash, need_scope
from automate_web.cursor import paginate


class Trash(ApiView):
    """`/workflow-trash`"""

    scopes: ClassVar = {"GET": "workflows:read"}

    @describe("workflow_trash_list", "List the trash", answer=shapes.WorkflowTrashed, is_list=True)
    def get(self, request: Request) -> Response:
        query = Query(request, PAGE_PARAMETERS)
        page = paginate(
            Workflow.objects.in_trash().select_related("active_version").defer("draft"),
            query.cursor,
            query.limit,
            query.order(),
        )
        for workflow in page.results:
            in_trash(workflow)
        return self.envelope(page, shapes.WorkflowTrashed)


class TrashRestorations(ApiView):
    """`/workflow-trash/{id}/restorations`"""

    scopes: ClassVar = {"POST": "workflows:write"}

    @describe(
        "workflow_restorations_create",
        "Bring a workflow back from the trash",
        body=shapes.WorkflowRestoration,
        answer=serializers.WorkflowDetail,
        missing=True,
        makes=True,
    )
    def post(self, request: Request, workflow_id: str) -> Response:
        Query(request, ())
        found = find(Workflow.objects.in_trash(), workflow_id, "Workflow in the trash")
        is_enabled = read(request, shapes.WorkflowRestoration)["is_enabled"]
        if is_enabled:
            need_scope(self.caller, "workflows:publish")
        back = services.restore_workflow(
            workflow_id=found.pk, is_enabled=is_enabled, actor=self.caller.actor, now=timezone.now()
        )
        return answer(back)


class TrashPurges(ApiView):
    """`/workflow-trash/{id}/purges`"""

    scopes: ClassVar = {"POST": "workflows:write"}

    @describe(
        "workflow_purges_create",
        "Purge a workflow in the trash for good",
        body=shapes.WorkflowPurge,
        answer=shapes.PurgedWorkflow,
        missing=True,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request, workflow_id: str) -> Response:
        Query(request, ())
        found = find(Workflow.objects.in_trash(), workflow_id, "Workflow in the trash")
        name = read(request, shapes.WorkflowPurge)["name"]
        services.purge_workflow(workflow_id=found.pk, name=name, actor=self.caller.actor, now=timezone.now())
        return Response({"id": str(found.pk), "purged": True})


class Dependents(ApiView):
    """`/workflows/{workflow}/dependents`"""

    scopes: ClassVar = {"GET": "workflows:read"}

    @describe(
        "workflow_dependents_get",
        "Say what stops working with a workflow",
        answer=shapes.WorkflowDependents,
        missing=True,
    )
    def get(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        found = services.dependents_of(find_workflow(workflow))
        shown = {
            "schedule": found.schedule.pk if found.schedule else None,
            "endpoint": found.endpoint,
            "event_type": found.event_type,
            "callers": found.callers,
            "listeners": found.listeners,
            "unfinished_runs": found.unfinished,
        }
        return Response(shapes.WorkflowDependents(shown).data)


class Copies(ApiView):
    """`/workflows/{workflow}/copies`"""

    scopes: ClassVar = {"POST": "workflows:write"}

    @describe(
        "workflow_copies_create",
        "Duplicate a workflow as a draft",
        body=shapes.NewCopy,
        answer=serializers.WorkflowDetail,
        status=201,
        missing=True,
        makes=True,
    )
    def post(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        found, names = find_workflow(workflow), read(request, shapes.NewCopy)
        made = services.duplicate_workflow(
            workflow_id=found.pk, slug=names["slug"], name=names["name"], actor=self.caller.actor, now=timezone.now()
        )
        return answer(made, status=201, headers={"Location": reverse("api:workflow", args=[made.pk])})
