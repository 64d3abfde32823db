"""Everything of the workspace as an archive, and its end, over the API: with a key that an Owner gave these scopes."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate_governance.errors import PermissionDenied
from automate_tenants import deletion, features
from automate_tenants.context import current_tenant
from automate_tenants.export import jobs
from automate_tenants.models import WorkspaceExport
from automate_web.api.documentation import describe
from automate_web.api.query import Query, parse_uuid
from automate_web.api.serializers import Input, JsonObject, Text, Time
from automate_web.api.views import PAGE_PARAMETERS, ApiView, not_found, read
from automate_web.pages.workspace_data import link_to


class NewExport(Input):
    """What shall be in it."""

    raw = fields.BooleanField(default=False, help_text="Payloads as they came; else masked where they look secret.")


class ExportShown(fields.Serializer[WorkspaceExport]):
    """An export and how far it is."""

    id = fields.UUIDField()
    status = fields.SerializerMethodField(help_text="queued, running, done, failed, or expired.")
    raw = fields.BooleanField(source="is_raw")
    asked_by = fields.CharField()
    created_at = Time()
    ended_at = Time(allow_null=True)
    expires_at = Time(allow_null=True, help_text="Of the archive.")
    size_bytes = fields.IntegerField()
    sha256 = fields.CharField(help_text="Of the archive, in hex.")
    rows = JsonObject(source="counts", help_text="Rows by file.")
    error = fields.CharField()
    archive_url = fields.SerializerMethodField(
        help_text="Where the archive is downloaded, without a key, for an hour; null unless it is there."
    )

    def get_status(self, export: WorkspaceExport) -> str:
        return str(export.status) if export.status != "done" or jobs.is_there(export, timezone.now()) else "expired"

    def get_archive_url(self, export: WorkspaceExport) -> str | None:
        if not jobs.is_there(export, timezone.now()):
            return None
        return f"{settings.BASE_URL.rstrip('/')}{link_to(export, self.context['actor'])}"


class Deletion(Input):
    """The workspace's address once more, so that no mistyped command ends one."""

    confirm = Text(max_length=80, help_text="The workspace's address (`slug`).")


class DeletionShown(fields.Serializer[Any]):
    """When it is over."""

    slug = fields.CharField()
    delete_at = Time(help_text="Until then an Owner can undo it on the page of their workspaces.")


class Exports(ApiView):
    """`/workspace/exports`"""

    scopes: ClassVar = {"GET": "workspace:export", "POST": "workspace:export"}

    @describe("workspace_exports_list", "List exports of the workspace", answer=ExportShown, is_list=True)
    def get(self, request: Request) -> Response:
        query = Query(request, PAGE_PARAMETERS)
        rows = WorkspaceExport.objects.filter(tenant_id=current_tenant().id)
        return self.page(query, rows, ExportShown, actor=self.caller.actor)

    @describe(
        "workspace_exports_create",
        "Export all data of the workspace, in the background",
        body=NewExport,
        answer=ExportShown,
        status=202,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        if not features.is_on("export", current_tenant().id):
            raise PermissionDenied("The operator of this installation has switched exports off.")
        said = read(request, NewExport)
        made = jobs.ask(tenant_id=current_tenant().id, is_raw=said["raw"], actor=self.caller.actor, now=timezone.now())
        return Response(ExportShown(made, context={"actor": self.caller.actor}).data, status=202)


class OneExport(ApiView):
    """`/workspace/exports/{export_id}`"""

    scopes: ClassVar = {"GET": "workspace:export"}

    @describe("workspace_exports_get", "How far an export is, and its archive", answer=ExportShown, missing=True)
    def get(self, request: Request, export_id: str) -> Response:
        Query(request, ())
        key = parse_uuid(export_id)
        if key is None:
            raise not_found("Export", export_id)
        found = jobs.find(current_tenant().id, key)
        return Response(ExportShown(found, context={"actor": self.caller.actor}).data)


class Deletions(ApiView):
    """`/workspace/deletions`"""

    scopes: ClassVar = {"POST": "workspace:delete"}

    @describe(
        "workspace_delete",
        "Stop the workspace and delete it after its grace",
        body=Deletion,
        answer=DeletionShown,
        status=202,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        said = read(request, Deletion)
        asked = deletion.ask(
            tenant_id=current_tenant().id, actor=self.caller.actor, confirm=said["confirm"], now=timezone.now()
        )
        return Response(DeletionShown({"slug": asked.slug, "delete_at": asked.delete_at}).data, status=202)
