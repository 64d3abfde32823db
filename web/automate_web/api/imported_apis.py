"""Imported APIs over the API: an OpenAPI document in, its operations as steps out."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import ImportedApi
from automate.services import imported_apis as services
from automate_web import openapi_text
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.serializers import Input, JsonObject, Time
from automate_web.api.views import ApiView, read


class ApiImport(Input):
    """An OpenAPI 3.0 or 3.1 document as text, JSON or YAML. Nothing that it refers to elsewhere is fetched."""

    document = fields.CharField(max_length=openapi_text.MAX_BYTES, trim_whitespace=False)
    name = fields.CharField(max_length=80, default="", allow_blank=True, help_text="The document's title without it.")
    server = fields.CharField(
        max_length=500, default="", allow_blank=True, help_text="Where calls go, instead of the document's own."
    )


class ImportedApiShort(fields.Serializer[ImportedApi]):
    slug = fields.CharField()
    name = fields.CharField()
    title = fields.CharField()
    version = fields.CharField()
    server = fields.CharField()
    operation_count = fields.SerializerMethodField()
    created_at = Time()
    created_by = fields.CharField()

    def get_operation_count(self, api: ImportedApi) -> int:
        return len(api.operations)


class ImportedOperation(fields.Serializer[Any]):
    """One operation as a step of the HTTP connector; `secrets` that it refers to, `notes` on what was left out."""

    code = fields.CharField()
    name = fields.CharField()
    description = fields.CharField()
    method = fields.CharField()
    path = fields.CharField()
    tags = fields.ListField(child=fields.CharField())
    step = JsonObject()
    secrets = fields.ListField(child=fields.CharField())
    notes = fields.ListField(child=fields.CharField())


class ImportedApiDetail(ImportedApiShort):
    operations = ImportedOperation(many=True, help_text="With `q` those that it finds.")


class ImportedApiList(fields.Serializer[Any]):
    results = ImportedApiShort(many=True)


class ImportedApiRemoved(fields.Serializer[Any]):
    slug = fields.CharField()
    deleted = fields.BooleanField()


class Apis(ApiView):
    """`/connector-apis`"""

    scopes: ClassVar = {"GET": "workflows:read", "POST": "workflows:write"}

    @describe("connector_apis_list", "List imported APIs", answer=ImportedApiList)
    def get(self, request: Request) -> Response:
        Query(request, ())
        return Response(ImportedApiList({"results": services.imported_apis()}).data)

    @describe(
        "connector_apis_create",
        "Import an OpenAPI document",
        body=ApiImport,
        answer=ImportedApiDetail,
        status=201,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        asked = read(request, ApiImport)
        document = openapi_text.parse(asked.pop("document"))
        made = services.import_api(document=document, **asked, actor=self.caller.actor, now=timezone.now())
        return Response(ImportedApiDetail(made).data, status=status.HTTP_201_CREATED)


class OneApi(ApiView):
    """`/connector-apis/{api}`"""

    scopes: ClassVar = {"GET": "workflows:read", "DELETE": "workflows:write"}

    @describe(
        "connector_apis_get",
        "Get an imported API and its operations",
        answer=ImportedApiDetail,
        missing=True,
        parameters=[query_parameter("q", "Words that a name, path, method or tag has to have.")],
    )
    def get(self, request: Request, api: str) -> Response:
        text = Query(request, ("q",)).text("q") or ""
        found = services.imported_api(api)
        found.operations = services.matching(found, text)
        return Response(ImportedApiDetail(found).data)

    @describe("connector_apis_delete", "Remove an imported API", answer=ImportedApiRemoved, missing=True)
    def delete(self, request: Request, api: str) -> Response:
        Query(request, ())
        services.remove_api(slug=api, actor=self.caller.actor, now=timezone.now())
        return Response({"slug": api, "deleted": True})
