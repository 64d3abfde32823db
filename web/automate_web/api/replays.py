"""Replays: an event once more, as it was or edited, for every workflow that listens or for one."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import Event
from automate.services.replays import replay_event
from automate_web.api.documentation import describe
from automate_web.api.query import Query
from automate_web.api.serializers import EventSummary, Input, JsonObject, Text
from automate_web.api.views import ApiView, find, read
from automate_web.api.workflows import find_workflow


class NewReplay(Input):
    """What to change; nothing: the same once more."""

    payload = JsonObject(
        required=False, help_text="In the place of the stored one; a `********` in it keeps the stored value."
    )
    workflow = Text(
        max_length=100,
        required=False,
        help_text="Id or slug: runs this one alone, past its rule. Else all that listen.",
    )

    def validate_payload(self, payload: Any) -> Any:
        if not isinstance(payload, dict):
            raise fields.ValidationError("This must be a JSON object.", code="not_an_object")
        return payload


class EventReplays(ApiView):
    """`/events/{event_id}/replays`"""

    scopes: ClassVar = {"POST": "events:write"}

    @describe(
        "event_replays_create",
        "Replay an event",
        body=NewReplay,
        answer=EventSummary,
        status=201,
        missing=True,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request, event_id: str) -> Response:
        Query(request, ())
        event = find(Event.objects.only("id"), event_id, "Event")
        new = read(request, NewReplay)
        edited = {"payload": new["payload"]} if "payload" in new else {}
        slug = find_workflow(new["workflow"]).slug if new.get("workflow") else None
        made = replay_event(event_id=event.pk, workflow=slug, actor=self.caller.actor, now=timezone.now(), **edited)
        location = {"Location": reverse("api:event", args=[made.pk])}
        return Response(EventSummary(made).data, status=201, headers=location)
