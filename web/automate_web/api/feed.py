"""Following events: the feed, each event once and none left out, and the address of a stream that says when to look."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import Event
from automate.services.masked_events import masked_for
from automate_governance.redaction import redact
from automate_tenants.context import current_tenant
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.serializers import EventSummary, JsonObject, JsonObjectOrNull
from automate_web.api.views import ApiView
from automate_web.event_feed import read_feed
from automate_web.live import RENEW_AFTER, stream_url


class FedEvent(EventSummary):
    """An event with what it carries."""

    payload = JsonObject(help_text="As received, with secrets redacted.")
    headers = JsonObjectOrNull(help_text="Of the HTTP request, redacted; null unless it came by webhook.")


class Feed(fields.Serializer[Any]):
    """Events since the cursor, oldest first."""

    results = fields.SerializerMethodField()
    cursor = fields.CharField(help_text="Send it next time: it goes on behind these.")
    has_more = fields.BooleanField(
        help_text="There are more at once; else there was nothing further when this was read."
    )

    @extend_schema_field(FedEvent(many=True))
    def get_results(self, feed: Any) -> Any:
        return feed["results"]


class StreamToken(fields.Serializer[Any]):
    """Where to hear that something changed."""

    url = fields.CharField(help_text="A stream of server-sent events; open it with GET, without the key.")
    renew_after_seconds = fields.IntegerField(help_text="Ask for the next one by then.")


class EventFeed(ApiView):
    """`/events/feed`"""

    scopes: ClassVar = {"GET": "events:read"}

    @describe(
        "events_feed",
        "Follow events",
        answer=Feed,
        parameters=[
            query_parameter("cursor", "Of the answer before. Without it and without `since` the feed begins now."),
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
            query_parameter("since", "Without a cursor: begin with events received at this time, or `15m` ago."),
            query_parameter("type", "Exactly this type."),
            query_parameter("source", "Exactly this source, such as `webhook:default`."),
        ],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, ("cursor", "limit", "since", "type", "source"))
        only = {name: value for name in ("type", "source") if (value := query.text(name))}
        found = read_feed(query.cursor, now=timezone.now(), limit=query.limit, since=query.moment("since"), only=only)
        answer = {
            "results": [_shown(each) for each in found.events],
            "cursor": found.cursor,
            "has_more": found.has_more,
        }
        return Response(Feed(answer).data)


class StreamTokens(ApiView):
    """`/events/stream-tokens`"""

    scopes: ClassVar = {"POST": "events:read"}

    @describe("event_stream_tokens_create", "Get a stream's address", answer=StreamToken, status=201, makes=True)
    def post(self, request: Request) -> Response:
        Query(request, ())
        url = f"{settings.BASE_URL.rstrip('/')}{stream_url(current_tenant())}"
        answer = {"url": url, "renew_after_seconds": int(RENEW_AFTER.total_seconds())}
        return Response(StreamToken(answer).data, status=201)


def _shown(event: Event) -> dict[str, Any]:
    with masked_for(event):
        event.payload, event.headers = redact(event.payload), redact(event.headers)
        return dict(FedEvent(event).data)
