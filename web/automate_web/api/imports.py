"""Workflows brought to what definitions say: all of them or none, and first, if asked, only what that would change."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate import services
from automate_web.api.documentation import describe
from automate_web.api.permissions import demand_scope
from automate_web.api.query import Query
from automate_web.api.serializers import Input, JsonObjectOrNull
from automate_web.api.versions import DiffShown
from automate_web.api.views import ApiView, read

MAX_DOCUMENTS = 100


class NewImport(Input):
    """Definitions, each named by its slug."""

    definitions = fields.ListField(
        child=fields.JSONField(), min_length=1, max_length=MAX_DOCUMENTS, help_text="As exported, or written by hand."
    )
    publish = fields.BooleanField(
        required=False,
        default=True,
        help_text="Changes go live; else they are left as drafts. Needs workflows:publish.",
    )
    dry_run = fields.BooleanField(required=False, default=False, help_text="Only say what would happen.")
    expected = fields.DictField(
        child=fields.CharField(max_length=40),
        required=False,
        allow_null=True,
        default=None,
        help_text="Slug → the `state` that a dry run told; 409 when one is no longer so.",
    )


class ImportedShown(fields.Serializer[Any]):
    """What became, or would become, of one definition."""

    slug = fields.CharField()
    outcome = fields.ChoiceField(choices=["created", "updated", "unchanged"])
    version_num = fields.IntegerField(allow_null=True, help_text="What runs afterwards; null: nothing is published.")
    state = fields.CharField(help_text="What was there before, for `expected`.")
    changes = JsonObjectOrNull(
        help_text="As in a comparison of two versions: trigger, rule, steps, options. Null: it is new."
    )


class ImportShown(fields.Serializer[Any]):
    results = ImportedShown(many=True)
    dry_run = fields.BooleanField()


class Imports(ApiView):
    """`/workflow-imports`"""

    scopes: ClassVar = {"POST": "workflows:write"}

    @describe(
        "workflow_imports_create", "Import definitions", body=NewImport, answer=ImportShown, conflict=True, makes=True
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        asked = read(request, NewImport)
        if asked["publish"]:
            message = "Publishing needs the scope workflows:publish; or send publish: false."
            demand_scope(self.caller, "workflows:publish", message)
        imported = services.import_definitions(
            [(f"definitions/{place}", one) for place, one in enumerate(asked["definitions"])],
            actor=self.caller.actor,
            now=timezone.now(),
            publish=asked["publish"],
            dry_run=asked["dry_run"],
            expected=asked["expected"],
        )
        results = [
            {
                "slug": one.slug,
                "outcome": one.outcome,
                "version_num": one.version_num,
                "state": one.state,
                "changes": DiffShown(one.changes.as_dict()).data if one.changes else None,
            }
            for one in imported
        ]
        return Response(ImportShown({"results": results, "dry_run": asked["dry_run"]}).data)
