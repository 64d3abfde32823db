"""Events: send one, list them, see what was decided about one and what it started."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from automate.ids import new_id
from automate.ingest.dedupe import dedupe_key
from automate.ingest.ingestor import EventIngestor, storable
from automate.models import Event
from automate.services.masked_events import masked_for
from automate.services.why import explain_event
from automate_governance.redaction import redact
from automate_web.api import serializers
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.filters import TRACE_AND_TIME, narrow, trace_and_time
from automate_web.api.query import Query
from automate_web.api.rows import event_rows, run_rows
from automate_web.api.views import PAGE_PARAMETERS, ApiView, find, read
from automate_web.event_search import DECIDED, decided, with_text

SOURCE = "api"
ORDERED_BY = {"received_at": "pk"}  # an id begins with the time at which it was made: when the event was received


class Events(ApiView):
    """`/events`"""

    scopes: ClassVar = {"GET": "events:read", "POST": "events:write"}
    for_tests: ClassVar = frozenset({"POST"})

    @describe(
        "events_list",
        "List events",
        answer=serializers.EventSummary,
        is_list=True,
        ordered_by=ORDERED_BY,
        parameters=[
            query_parameter("type", "Exactly this type."),
            query_parameter("source", "Exactly this source, such as `webhook:default`."),
            query_parameter("status", "With such a decision: " + ", ".join(f"`{each}`" for each in DECIDED) + "."),
            query_parameter("q", "With this text in their type."),
            *trace_and_time(
                "Every event of one trace.",
                "Received at or after this time (RFC 3339, or a span back such as `24h`).",
                "Received before this time (RFC 3339, or a span back such as `24h`).",
            ),
        ],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, "type", "source", "status", "q", *TRACE_AND_TIME))
        rows = narrow(event_rows(), query, texts=("type", "source"))
        for status in query.choices("status", DECIDED)[-1:]:
            rows = decided(rows, status)
        if text := query.text("q"):
            rows = with_text(rows, text)
        return self.page(query, rows, serializers.EventSummary, ORDERED_BY)

    @describe(
        "events_send",
        "Send an event",
        body=serializers.NewEvent,
        answer=serializers.AcceptedEvent,
        status=202,
        idempotency_key=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        new, key = read(request, serializers.NewEvent), _idempotency_key(request)
        if self.caller.is_test:
            return self._tried(new["payload"])
        accepted = EventIngestor().ingest(
            **new,
            source=SOURCE,
            dedupe_key=key,
            raw=json.dumps(new, sort_keys=True).encode(),  # the order of keys makes no other body
            trace_id=self.trace_id,
            refuses_other_body=True,
        )
        answer: dict[str, Any] = {"event_id": accepted.event_id, "trace_id": accepted.trace_id}
        if accepted.is_duplicate:
            answer["duplicate"] = True
        headers = {"Location": reverse("api:event", args=[accepted.event_id])}
        if accepted.is_duplicate:
            headers["Idempotent-Replayed"] = "true"
        return Response(serializers.AcceptedEvent(answer).data, status=202, headers=headers)

    def _tried(self, payload: Any) -> Response:
        """What a test key is told of an event that could be stored: ids that nothing has. Raises a Refusal."""
        storable(payload)
        answer = {"event_id": new_id(), "trace_id": UUID(hex=self.trace_id), "test": True}
        return Response(serializers.AcceptedEvent(answer).data, status=202)


class OneEvent(ApiView):
    """`/events/{event_id}`"""

    scopes: ClassVar = {"GET": "events:read"}

    @describe(
        "events_get",
        "Get an event",
        answer=serializers.EventDetail,
        missing=True,
        parameters=[query_parameter("expand", "`why`: with the whole evaluation of each rule.", enum=["why"])],
    )
    def get(self, request: Request, event_id: str) -> Response:
        expand = Query(request, ("expand",)).choices("expand", ["why"])
        replays = Event.objects.filter(replay_of=OuterRef("pk")).order_by("pk").values("pk")
        event: Any = find(Event.objects.annotate(replay_ids=ArraySubquery(replays)), event_id, "Event")
        whys = explain_event(event)
        with masked_for(event, whys):
            event.headers = redact(event.headers)
            context = {
                "why": whys,
                "with_explanations": "why" in expand,
                "runs": run_rows().filter(event_id=event.pk).order_by("-pk"),
                "replays": event.replay_ids,
            }
            return Response(serializers.EventDetail(event, context=context).data)


def _idempotency_key(request: Request) -> str | None:
    """Raises InvalidDedupeKey."""
    return dedupe_key(text="", value=None, idempotency_key=request.META.get("HTTP_IDEMPOTENCY_KEY"))
