"""Events: send one, list them, see what was decided about one and what it started."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from automate.ingest.ingestor import EventIngestor
from automate.models import Event, ExecutionRun, MatchDecision, Workflow
from automate.services.why import explain_event
from automate_governance.errors import Invalid
from automate_web.api import serializers
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.timerange import received_between
from automate_web.api.views import PAGE_PARAMETERS, ApiView, find

SOURCE = "api"
MAX_KEY_LENGTH = 255
LIST_FIELDS = ("id", "type", "source", "trace_id", "received_at")


class Events(ApiView):
    """`/events`"""

    scopes: ClassVar = {"GET": "events:read", "POST": "events:write"}

    @describe(
        "events_list",
        "List events",
        answer=serializers.EventSummary,
        is_list=True,
        parameters=[
            query_parameter("type", "Exactly this type."),
            query_parameter("source", "Exactly this source, such as `webhook:default`."),
            query_parameter("trace_id", "Every event of one trace."),
            query_parameter("since", "Received at or after this time (RFC 3339)."),
            query_parameter("until", "Received before this time (RFC 3339)."),
        ],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, "type", "source", "trace_id", "since", "until"))
        exact = {"type": query.text("type"), "source": query.text("source"), "trace_id": query.uuid("trace_id")}
        rows = Event.objects.only(*LIST_FIELDS).filter(**{k: v for k, v in exact.items() if v is not None})
        rows = received_between(rows, query.moment("since"), query.moment("until"))
        return self.page(query, rows, serializers.EventSummary)

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
        new = serializers.NewEvent(data=request.data)
        new.is_valid(raise_exception=True)
        accepted = EventIngestor().ingest(
            **new.validated_data, source=SOURCE, dedupe_key=_idempotency_key(request), trace_id=self.trace_id
        )
        answer: dict[str, Any] = {"event_id": accepted.event_id, "trace_id": accepted.trace_id}
        answer |= {flag: True for flag in ("duplicate", "body_differs") if getattr(accepted, flag)}
        location = reverse("api:event", args=[accepted.event_id])
        return Response(serializers.AcceptedEvent(answer).data, status=202, headers={"Location": location})


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
        event: Event = find(Event.objects.all(), event_id, "Event")
        decisions = list(MatchDecision.objects.filter(event_id=event.pk).order_by("pk"))
        context = {
            "decisions": decisions,
            "workflows": Workflow.objects.only("slug", "name").in_bulk(
                [d.workflow_id for d in decisions if d.workflow_id is not None]
            ),
            "explanations": _explanations(event) if "why" in expand else {},
            "runs": ExecutionRun.objects.filter(event_id=event.pk).select_related("version__workflow").order_by("-pk"),
        }
        return Response(serializers.EventDetail(event, context=context).data)


def _idempotency_key(request: Request) -> str | None:
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise Invalid(
            f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} printable characters.",
            details={"param": "Idempotency-Key"},
        )
    return key


def _explanations(event: Event) -> dict[Any, Any]:
    return {why.workflow_id: why.explanation for why in explain_event(event)}
