"""Saved views: filters of lists under a name. A key sees its own and those that are shared, and makes shared ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import SavedView
from automate.services.saved_views import change_view, remove_view, save_view, views_of
from automate_governance.errors import Invalid
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.serializers import Input, Text, Time
from automate_web.api.views import PAGE_PARAMETERS, ApiView, not_found, read
from automate_web.saved_views import LISTS, answer_of, kept_of, listed, query_of


class SavedViewShown(fields.Serializer[Any]):
    """One filter of one list, under a name."""

    id = fields.CharField()
    page = fields.ChoiceField(choices=list(LISTS), help_text="The list.")
    name = fields.CharField()
    filters = fields.DictField(child=fields.CharField(), help_text="As the list's own parameters.")
    is_shared = fields.BooleanField(help_text="Whether everybody who may see the list sees it.")
    owner = fields.CharField(help_text="As the audit log names people and keys.")
    created_at = Time()
    updated_at = Time()

    def to_representation(self, instance: SavedView) -> Any:
        return super().to_representation(answer_of(instance))


class NewSavedView(Input):
    """A filter to keep."""

    page = fields.ChoiceField(choices=list(LISTS))
    name = Text(max_length=60)
    filters = fields.DictField(child=Text(max_length=200), required=False, default=dict)
    is_shared = fields.BooleanField(required=False, default=True)


class SavedViewChange(Input):
    """What shall be different; what is left out stays."""

    name = Text(max_length=60, required=False)
    filters = fields.DictField(child=Text(max_length=200), required=False)
    is_shared = fields.BooleanField(required=False)


class SavedViewDeleted(fields.Serializer[Any]):
    id = fields.CharField()
    deleted = fields.BooleanField()


class SavedViews(ApiView):
    """`/views`"""

    scopes: ClassVar = {"GET": "runs:read", "POST": "runs:write"}

    @describe(
        "views_list",
        "List saved views",
        answer=SavedViewShown,
        is_list=True,
        parameters=[query_parameter("page", "Of this list.", enum=list(LISTS))],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, "page"))
        page = query.text("page") or ""
        seen = views_of(self.caller.actor, page=page if not page else _known(page))
        return self.page(query, SavedView.objects.filter(pk__in=seen.values("pk")), SavedViewShown)

    @describe(
        "views_create",
        "Save a view",
        body=NewSavedView,
        answer=SavedViewShown,
        status=201,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        new = read(request, NewSavedView)
        view = save_view(
            page=new["page"], name=new["name"], query=_query(new["page"], new["filters"]), owner=self.caller.actor,
            is_shared=new["is_shared"], now=timezone.now(),
        )  # fmt: skip
        headers = {"Location": reverse("api:view", args=[view.pk])}
        return Response(SavedViewShown(view).data, status=201, headers=headers)


class OneSavedView(ApiView):
    """`/views/{view_id}`"""

    scopes: ClassVar = {"GET": "runs:read", "PATCH": "runs:write", "DELETE": "runs:write"}

    @describe("views_get", "Get a saved view", answer=SavedViewShown, missing=True)
    def get(self, request: Request, view_id: str) -> Response:
        Query(request, ())
        return Response(SavedViewShown(_find(self.caller.actor, view_id)).data)

    @describe(
        "views_change",
        "Change a saved view",
        body=SavedViewChange,
        answer=SavedViewShown,
        missing=True,
        conflict=True,
    )
    def patch(self, request: Request, view_id: str) -> Response:
        Query(request, ())
        view = _find(self.caller.actor, view_id)
        changes = read(request, SavedViewChange)
        if "filters" in changes:
            changes["query"] = _query(view.page, changes.pop("filters"))
        changed = change_view(view_id=view.pk, actor=self.caller.actor, now=timezone.now(), manages=True, **changes)
        return Response(SavedViewShown(changed).data)

    @describe("views_delete", "Delete a saved view", answer=SavedViewDeleted, missing=True)
    def delete(self, request: Request, view_id: str) -> Response:
        Query(request, ())
        view = _find(self.caller.actor, view_id)
        remove_view(view_id=view.pk, actor=self.caller.actor, now=timezone.now(), manages=True)
        return Response({"id": str(view.pk), "deleted": True})


def _known(page: str) -> str:
    listed(page)
    return page


def _query(page: str, filters: Mapping[str, str]) -> str:
    """Raises Invalid for a filter that the list does not have."""
    unknown = sorted(set(filters) - set(kept_of(page)))
    if unknown:
        details = {"param": "filters", "known": list(kept_of(page))}
        raise Invalid(f"The list {page} has no filter {unknown[0][:40]}.", details=details)
    return query_of(page, filters)


def _find(actor: str, text: str) -> SavedView:
    view = (
        views_of(actor).filter(pk=int(text)).first() if text.isascii() and text.isdigit() and len(text) < 19 else None
    )
    if view is None:
        raise not_found("View", text)
    return view
