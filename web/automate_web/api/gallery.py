"""Templates of whole workflows over the API: the list, one of them, and the drafts made from it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate_web import gallery
from automate_web.api import serializers
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.serializers import AnyJson, JsonObject
from automate_web.api.views import ApiView
from automate_web.api.workflows import answer


class TemplateSecret(fields.Serializer[Any]):
    name = fields.CharField()
    what = fields.CharField(help_text="What it is and what it may do.")


class TemplatePlace(fields.Serializer[Any]):
    path = fields.CharField(help_text="JSON pointer into the definition.")
    what = fields.CharField(help_text="What of your own belongs there.")


class TemplateListed(fields.Serializer[Any]):
    slug = fields.CharField()
    name = fields.CharField()
    category = fields.CharField()
    summary = fields.CharField()
    secrets = TemplateSecret(many=True)


class TemplateShown(TemplateListed):
    """A template: what it makes, and what it needs."""

    description = fields.CharField()
    fill = TemplatePlace(many=True)
    definition = JsonObject()
    companions = fields.ListField(child=fields.DictField(), help_text="Definitions that are made with it.")
    sample = AnyJson(help_text="A payload to try it with.")


class TemplateList(fields.Serializer[Any]):
    """All templates in their order: they are few."""

    results = TemplateListed(many=True)


class Templates(ApiView):
    """`/workflow-templates`"""

    scopes: ClassVar = {"GET": "workflows:read"}

    @describe(
        "workflow_templates_list",
        "List templates of workflows",
        answer=TemplateList,
        parameters=[query_parameter("q", "Part of what it says."), query_parameter("category", "Its category.")],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, ("q", "category"))
        text, category = query.text("q") or "", query.text("category") or ""
        found = [one for one in gallery.templates().values() if gallery.fits(one, text, category)]
        return Response(TemplateList({"results": [_shown(one) for one in found]}).data)


class OneTemplate(ApiView):
    """`/workflow-templates/{template}`"""

    scopes: ClassVar = {"GET": "workflows:read"}

    @describe("workflow_templates_get", "Get a template of a workflow", answer=TemplateShown, missing=True)
    def get(self, request: Request, template: str) -> Response:
        Query(request, ())
        found = gallery.find(template)
        whole = {"definition": found.definition, "companions": found.companions, "sample": found.sample}
        said = {"description": found.description, "fill": found.fill}
        return Response(TemplateShown({**_shown(found), **said, **whole}).data)


class TemplateWorkflows(ApiView):
    """`/workflow-templates/{template}/workflows`"""

    scopes: ClassVar = {"POST": "workflows:write"}

    @describe(
        "workflow_templates_create_workflow",
        "Make a draft from a template",
        answer=serializers.WorkflowDetail,
        status=201,
        missing=True,
        makes=True,
    )
    def post(self, request: Request, template: str) -> Response:
        Query(request, ())
        made = gallery.make(gallery.find(template), actor=self.caller.actor, now=timezone.now())
        return answer(made, status=201, headers={"Location": reverse("api:workflow", args=[made.pk])})


def _shown(one: gallery.Template) -> dict[str, Any]:
    secrets = [{"name": name, "what": what} for name, what in one.secrets.items()]
    return {
        "slug": one.slug, "name": one.name, "category": one.category, "summary": one.summary, "secrets": secrets,
    }  # fmt: skip
