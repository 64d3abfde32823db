"""Versions of a workflow: one, as a file, what differs between two, and back to an earlier one."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate import services
from automate.models import Workflow, WorkflowVersion
from automate_governance.errors import Invalid, NotFound
from automate_web import filters
from automate_web.api import serializers
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.serializers import AnyJson, Input, Text
from automate_web.api.views import ApiView, read
from automate_web.api.workflows import DEFINITION, find_workflow, made_live

LIVE = "live"


class ChangeShown(fields.Serializer[Any]):
    """One value that is there, gone, or another one."""

    kind = fields.ChoiceField(choices=["added", "removed", "changed"])
    path = fields.CharField(help_text="JSON pointer into the newer definition; of what is gone, into the older one.")
    before = AnyJson()
    after = AnyJson()


class StepChangeShown(fields.Serializer[Any]):
    """One step that differs; steps are known by their id."""

    id = fields.CharField()
    kind = fields.ChoiceField(choices=["added", "removed", "changed", "moved"])
    path_before = fields.CharField(allow_null=True)
    path = fields.CharField(allow_null=True)
    changes = ChangeShown(many=True)


class DiffShown(fields.Serializer[Any]):
    """What differs, part by part; every list is empty where two definitions say the same."""

    trigger = ChangeShown(many=True)
    rule = ChangeShown(many=True)
    steps = StepChangeShown(many=True)
    options = ChangeShown(many=True, help_text="Of every other field: finally, deadline_seconds, policy…")


class VersionDiffShown(DiffShown):
    """What changed from one version to another."""

    def get_fields(self) -> Any:
        """`from` is a word of the language: it cannot be declared above."""
        numbers = {"from": fields.IntegerField(source="from_num"), "to": fields.IntegerField(source="to_num")}
        return {**numbers, **super().get_fields()}


class NewRollback(Input):
    """Which version to go back to, and which one runs while you decide."""

    version_num = fields.IntegerField(min_value=1, help_text="Whose content runs again, as a new version.")
    expected_version_num = fields.IntegerField(min_value=1, help_text="The live version that you saw; 409 if not so.")
    note = Text(max_length=300, required=False, allow_blank=True, default="", help_text="Why.")


class OneVersion(ApiView):
    """`/workflows/{workflow}/versions/{version}`, by number, or `live`"""

    scopes: ClassVar = {"GET": "workflows:read"}

    @describe("workflow_versions_get", "Get a version", answer=serializers.Version, missing=True)
    def get(self, request: Request, workflow: str, version: str) -> Response:
        Query(request, ())
        return Response(serializers.Version(find_version(find_workflow(workflow), version)).data)


class VersionDefinition(ApiView):
    """`/workflows/{workflow}/versions/{version}/definition`"""

    scopes: ClassVar = {"GET": "workflows:read"}

    @describe("workflow_versions_export", "Export a version as a file", answer=DEFINITION, missing=True)
    def get(self, request: Request, workflow: str, version: str) -> HttpResponseBase:
        Query(request, ())
        return definition_file(find_version(find_workflow(workflow), version))


class VersionDiffs(ApiView):
    """`/workflows/{workflow}/versions/diff?from=&to=`"""

    scopes: ClassVar = {"GET": "workflows:read"}

    @describe(
        "workflow_versions_diff",
        "Compare two versions",
        answer=VersionDiffShown,
        missing=True,
        parameters=[
            query_parameter("from", "A version's number, or `live`; the one before `to` where absent."),
            query_parameter("to", "A version's number, or `live`, which it is where absent."),
        ],
    )
    def get(self, request: Request, workflow: str) -> Response:
        query = Query(request, ("from", "to"))
        found = find_workflow(workflow)
        to = find_version(found, query.text("to") or LIVE)
        since = find_version(found, query.text("from") or str(max(to.version_num - 1, 1)))
        shown = {**services.diff(since, to).as_dict(), "from_num": since.version_num, "to_num": to.version_num}
        return Response(VersionDiffShown(shown).data)


class Rollbacks(ApiView):
    """`/workflows/{workflow}/rollbacks`"""

    scopes: ClassVar = {"POST": "workflows:publish"}

    @describe(
        "workflow_rollbacks_create",
        "Go back to an earlier version",
        body=NewRollback,
        answer=serializers.Version,
        status=201,
        unchanged=True,
        missing=True,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request, workflow: str) -> Response:
        Query(request, ())
        found = find_workflow(workflow)
        new = read(request, NewRollback)
        now = timezone.now()
        version = services.rollback(workflow_id=found.pk, actor=self.caller.actor, now=now, **new)
        return made_live(version, now)


def find_version(workflow: Workflow, text: str) -> WorkflowVersion:
    """The version with this number, or the live one. Raises NotFound, Invalid for what is neither."""
    rows = WorkflowVersion.objects.select_related("workflow").filter(workflow=workflow)
    if text == LIVE:
        found = rows.filter(pk=workflow.active_version_id).first() if workflow.active_version_id else None
    elif (number := filters.whole_number(text)) is not None:
        found = rows.filter(version_num=number).first()
    else:
        raise Invalid(f"A version is a number, or `{LIVE}`.", details={"version": text[:100]})
    if found is None:
        raise NotFound("This workflow has no such version.", details={"version": text})
    return found


def definition_file(version: WorkflowVersion) -> HttpResponse:
    """The version as the file that an import takes, the same bytes each time."""
    name = f"{version.workflow.slug}.json"
    return HttpResponse(
        services.export_definition(version),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
