"""Workflows: create, read, save the draft, publish a version.

A write names the revision it saw in `If-Match`; one made on an older revision is a conflict and changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from automate import services
from automate.ingest.refusal import ForbiddenScope
from automate.models import Workflow, WorkflowVersion
from automate.services.problems import find_all_problems
from automate.services.trash import KEPT
from automate_governance.errors import Invalid
from automate_web import filters, workflow_list
from automate_web.api import serializers
from automate_web.api.authentication import Caller
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.errors import PreconditionRequired
from automate_web.api.query import Query, parse_uuid
from automate_web.api.serializers import workflows as shapes
from automate_web.api.views import PAGE_PARAMETERS, ApiView, not_found, read
from automate_web.cursor import paginate
from automate_web.recent_runs import Recent

ORDERED_BY = {"slug": "slug", "updated_at": "updated_at"}
DEFINITION = {"$ref": "#/components/schemas/Definition"}


class Workflows(ApiView):
    """`/workflows`"""

    scopes: ClassVar = {"GET": "workflows:read", "POST": "workflows:write"}

    @describe(
        "workflows_list",
        "List workflows",
        answer=shapes.WorkflowListed,
        is_list=True,
        ordered_by=ORDERED_BY,
        parameters=[
            query_parameter("q", "Part of the name or slug, or a tag."),
            query_parameter("status", "Its state.", enum=list(workflow_list.STATES)),
            query_parameter("type", "The kind of its trigger.", enum=list(workflow_list.TRIGGERS)),
            query_parameter("tag", "Only those with this tag."),
            query_parameter("expand", "`recent`: with the runs of the last 24 hours.", enum=["recent"]),
        ],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, *workflow_list.FILTERS, "expand"))
        asked = {name: query.text(name) or "" for name in workflow_list.FILTERS}
        page = paginate(workflow_list.search(asked), query.cursor, query.limit, query.order(ORDERED_BY))
        recent: dict[UUID, Recent] = {}
        if "recent" in query.choices("expand", ["recent"]):
            recent = workflow_list.recent_of(page.results, now=timezone.now())
        return self.envelope(page, shapes.WorkflowListed, recent=recent)

    @describe(
        "workflows_create",
        "Create a workflow",
        body=DEFINITION,
        answer=serializers.WorkflowDetail,
        status=201,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        workflow = services.create_workflow(
            definition=_definition(request), actor=self.caller.actor, now=timezone.now()
        )
        location = reverse("api:workflow", args=[workflow.pk])
        return answer(workflow, status=201, headers={"Location": location})


class OneWorkflow(ApiView):
    """`/workflows/{workflow}`, by id or slug"""

    scopes: ClassVar = {
        "GET": "workflows:read",
        "PUT": "workflows:write",
        "PATCH": "workflows:write",
        "DELETE": "workflows:write",
    }

    @describe("workflows_get", "Get a workflow", answer=serializers.WorkflowDetail, missing=True, etag=True)
    def get(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        return answer(find_workflow(workflow))

    @describe(
        "workflows_save_draft",
        "Save a workflow's draft",
        body=DEFINITION,
        answer=serializers.WorkflowDetail,
        missing=True,
        conflict=True,
        if_match=True,
    )
    def put(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        found = find_workflow(workflow)
        saved = services.save_draft(
            workflow_id=found.pk,
            definition=_definition(request),
            expected_revision=expected_revision(request, found),
            actor=self.caller.actor,
            now=timezone.now(),
        )
        return answer(saved)

    @describe(
        "workflows_change",
        "Turn a workflow on or off, take it back to a draft, tag it",
        body=shapes.WorkflowChange,
        answer=serializers.WorkflowDetail,
        missing=True,
        conflict=True,
    )
    def patch(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        found, change = find_workflow(workflow), read(request, shapes.WorkflowChange)
        if {"is_enabled", "live_version"} & set(change):
            need_scope(self.caller, "workflows:publish")
        _change(found, change, self.caller.actor)
        return answer(find_workflow(str(found.pk)))

    @describe(
        "workflows_delete", "Move a workflow to the trash", answer=shapes.WorkflowTrashed, missing=True, conflict=True
    )
    def delete(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        found = find_workflow(workflow)
        removed = services.remove_workflow(workflow_id=found.pk, actor=self.caller.actor, now=timezone.now())
        return Response(shapes.WorkflowTrashed(in_trash(removed)).data)


class Versions(ApiView):
    """`/workflows/{workflow}/versions`"""

    scopes: ClassVar = {"GET": "workflows:read", "POST": "workflows:publish"}

    @describe(
        "workflow_versions_list", "List a workflow's versions", answer=serializers.Version, is_list=True, missing=True
    )
    def get(self, request: Request, workflow: str) -> Response:
        query = Query(request, PAGE_PARAMETERS)
        return self.page(query, WorkflowVersion.objects.filter(workflow=find_workflow(workflow)), serializers.Version)

    @describe(
        "workflow_versions_publish",
        "Publish the draft as a new version",
        body=serializers.NewVersion,
        answer=serializers.Version,
        status=201,
        unchanged=True,
        missing=True,
        conflict=True,
        if_match=True,
        makes=True,
    )
    def post(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        found = find_workflow(workflow)
        new = read(request, serializers.NewVersion)
        now = timezone.now()
        version = services.publish_version(
            workflow_id=found.pk,
            expected_revision=expected_revision(request, found),
            actor=self.caller.actor,
            now=now,
            note=new["note"],
        )
        return made_live(version, now)


class Validations(ApiView):
    """`/workflow-validations`"""

    scopes: ClassVar = {"POST": "workflows:read"}
    for_tests: ClassVar = frozenset({"POST"})

    @describe(
        "workflow_validations_create",
        "Check a definition without storing it",
        body=DEFINITION,
        answer=serializers.Validation,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        problems = find_all_problems(_definition(request))
        is_valid = not any(problem.is_error for problem in problems)
        return Response(serializers.Validation({"valid": is_valid, "problems": problems}).data)


def find_workflow(text: str) -> Workflow:
    """The workflow with this id or slug. Raises NotFound."""
    key = parse_uuid(text)
    if key is None and "\x00" in text:
        raise not_found("Workflow", text)
    rows = Workflow.objects.kept().select_related("active_version")
    found = rows.filter(Q(pk=key) if key else Q(slug=text)).first()
    if found is None:
        raise not_found("Workflow", text)
    return found


def in_trash(workflow: Workflow) -> Workflow:
    """The same, with `purged_after`."""
    assert workflow.removed_at is not None
    workflow.purged_after = workflow.removed_at + KEPT  # type: ignore[attr-defined]  # for the serializer
    return workflow


def need_scope(caller: Caller, scope: str) -> None:
    """Refuse with the scope's name what the key's scopes do not hold."""
    if scope not in caller.scopes:
        details = {"needed": scope, "scopes": sorted(caller.scopes)}
        raise ForbiddenScope(f"This needs the scope {scope}.", details=details)


@transaction.atomic
def _change(workflow: Workflow, change: dict[str, Any], actor: str) -> None:
    """All of it or nothing."""
    to: dict[str, Any] = {"workflow_id": workflow.pk, "actor": actor, "now": timezone.now()}
    if "tags" in change:
        services.set_tags(tags=change["tags"], **to)
    if "is_enabled" in change:
        services.set_enabled(is_enabled=change["is_enabled"], **to)
    if "live_version" in change:
        if change["live_version"] is None:
            services.unpublish(**to)
        else:
            services.publish_again(version_num=change["live_version"], **to)


def _definition(request: Request) -> dict[str, Any]:
    definition = request.data
    if not isinstance(definition, dict):
        raise Invalid("A definition is a JSON object.", details={"errors": [_not_an_object()]})
    return definition


def _not_an_object() -> dict[str, str]:
    return {"path": "", "code": "not_an_object", "message": "A definition is a JSON object."}


def etag_of(workflow: Workflow) -> str:
    """The draft's revision, which `If-Match` compares, and what else changes when a version is published."""
    return f'"{workflow.draft_revision}-{int(workflow.updated_at.timestamp() * 1_000_000):x}"'


def expected_revision(request: Request, workflow: Workflow) -> int:
    """The revision in `If-Match`: an ETag, or a bare draft_revision; `*` is whichever is there.

    Raises PreconditionRequired without the header, Invalid for what is neither.
    """
    value = request.META.get("HTTP_IF_MATCH", "").strip()
    if not value:
        raise PreconditionRequired(
            'Say which revision you saw: send `If-Match: "<draft_revision>"`, or `If-Match: *` for whichever is there.',
            details={"param": "If-Match", "draft_revision": workflow.draft_revision},
        )
    if value == "*":
        return workflow.draft_revision
    number = filters.whole_number(value.strip('"').partition("-")[0])
    if number is None:
        raise Invalid('If-Match must be an ETag or a draft_revision, such as "3".', details={"param": "If-Match"})
    return number


def made_live(version: WorkflowVersion, now: datetime) -> Response:
    """201 with the version that this request made at `now`; 200 with the one that said the same already."""
    return Response(serializers.Version(version).data, status=201 if version.published_at == now else 200)


def answer(workflow: Workflow, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        serializers.WorkflowDetail(workflow).data, status=status, headers={"ETag": etag_of(workflow), **(headers or {})}
    )
