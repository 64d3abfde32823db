"""Webhook endpoints over the API: made, changed, paused, their secrets rolled, tested; what came to them.

A secret that is made here is in the answer that made it and nowhere else; an answer that is kept for an
`Idempotency-Key` is sealed. Counts are a resource of their own, so that an endpoint's ETag names what was set.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.ingest.schemes.options import ALGORITHMS, ENCODINGS
from automate.ingest.verify import bearer_token
from automate.models import WebhookEndpoint
from automate_tenants.endpoints import (
    OVERLAPS,
    CreatedEndpoint,
    create_endpoint,
    end_overlap,
    remove_endpoint,
    roll_secret,
    set_paused,
    update_endpoint,
)
from automate_web import webhook_traffic
from automate_web.addresses import hook_url
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.serializers import AnyJson, Input, JsonObject, JsonObjectOrNull, Text, Time, TraceId, WorkflowRef
from automate_web.api.views import PAGE_PARAMETERS, ApiView, find, read
from automate_web.cursor import Page
from automate_web.webhook_tests import send_test

OVERLAP_SECONDS = tuple(int(span.total_seconds()) for span in OVERLAPS)
SECRET_HELP = "One that the sender made. Without it one is made here, except for `stripe`, `slack` and `shopify`."  # noqa: S105
VERDICT = query_parameter("verdict", "Only those.", enum=list(webhook_traffic.VERDICTS))
CODE = query_parameter("code", "Only requests that were refused with it.")


class HmacSettings(Input):
    """How an endpoint whose `auth` is `hmac` is signed to."""

    header = Text(max_length=100, help_text="Carries the signature.")
    algorithm = fields.ChoiceField(choices=ALGORITHMS, required=False)
    encoding = fields.ChoiceField(choices=ENCODINGS, required=False)
    prefix = Text(max_length=40, required=False, allow_blank=True, trim_whitespace=False)
    signed = Text(
        max_length=200, required=False, trim_whitespace=False, help_text="With `{body}`, and `{timestamp}` and `{id}`."
    )
    timestamp_header = Text(max_length=100, required=False, allow_blank=True)
    tolerance_seconds = fields.IntegerField(required=False)
    id_header = Text(max_length=100, required=False, allow_blank=True)


class WebhookChange(Input):
    """What may be changed of an endpoint; what is left out stays. Another `auth` means another secret."""

    auth = fields.ChoiceField(choices=WebhookEndpoint.Auth.choices, required=False)
    auth_options = HmacSettings(required=False, allow_null=True)
    event_type = Text(max_length=200, required=False)
    type_path = Text(max_length=200, required=False, allow_blank=True)
    dedupe_path = Text(max_length=200, required=False, allow_blank=True)
    is_paused = fields.BooleanField(required=False, help_text="Paused: 202, stored, and run in order when resumed.")


class NewWebhook(Input):
    """An endpoint."""

    slug = Text(max_length=60, help_text="What a workflow's trigger names.")
    auth = fields.ChoiceField(choices=WebhookEndpoint.Auth.choices, required=False)
    auth_options = HmacSettings(required=False, allow_null=True)
    event_type = Text(max_length=200, required=False)
    type_path = Text(max_length=200, required=False, allow_blank=True)
    dedupe_path = Text(max_length=200, required=False, allow_blank=True)
    secret = Text(max_length=255, required=False, help_text=SECRET_HELP)


class NewWebhookSecret(Input):
    """A roll: how long the old secret is good."""

    overlap_seconds = fields.ChoiceField(choices=OVERLAP_SECONDS, required=False, default=0)
    secret = Text(max_length=255, required=False, help_text=SECRET_HELP)


class NewWebhookTest(Input):
    """What to send."""

    payload = AnyJson()


class Webhook(fields.Serializer[WebhookEndpoint]):
    """An address that others send events to."""

    id = fields.UUIDField(source="pk")
    slug = fields.CharField(source="name")
    url = fields.SerializerMethodField(help_text="Where senders post. Treat it as private. Empty once it is deleted.")
    auth = fields.ChoiceField(choices=WebhookEndpoint.Auth.choices)
    auth_options = JsonObjectOrNull(help_text="Of `hmac`.")
    event_type = fields.CharField()
    type_path = fields.CharField()
    dedupe_path = fields.CharField()
    is_paused = fields.SerializerMethodField()
    has_secret = fields.SerializerMethodField(help_text="Its value is returned by nothing.")
    previous_secret_until = Time(allow_null=True, help_text="A roll is under way: the older secret is good until then.")
    created_at = Time()
    deleted_at = Time(source="removed_at", allow_null=True)
    workflows = fields.SerializerMethodField()

    def get_url(self, endpoint: WebhookEndpoint) -> str:
        return hook_url(endpoint.token) if endpoint.removed_at is None else ""

    def get_is_paused(self, endpoint: WebhookEndpoint) -> bool:
        return not endpoint.is_active

    def get_has_secret(self, endpoint: WebhookEndpoint) -> bool:
        return endpoint.signing_secret is not None

    @extend_schema_field(WorkflowRef(many=True))
    def get_workflows(self, endpoint: WebhookEndpoint) -> Any:
        return WorkflowRef(self.context["fed"].get(endpoint.slug, []), many=True).data


class WebhookDeleted(fields.Serializer[Any]):
    id = fields.UUIDField()
    deleted = fields.BooleanField()


class MadeWebhook(Webhook):
    """An endpoint, with the secret that was made for it just now."""

    secret = fields.SerializerMethodField(help_text="Shown once; null when none was made.")

    @extend_schema_field(fields.CharField(allow_null=True))
    def get_secret(self, endpoint: WebhookEndpoint) -> str | None:
        made: str | None = self.context["secret"]
        return made


class WebhookRequest(fields.Serializer[webhook_traffic.Request]):
    """One request that came to an endpoint, secrets masked."""

    verdict = fields.ChoiceField(choices=list(webhook_traffic.VERDICTS))
    received_at = Time()
    trace_id = TraceId()
    code = fields.CharField(help_text="Of the check that failed; empty unless rejected.")
    why = fields.CharField(help_text="In words.")
    event_id = fields.UUIDField(allow_null=True, help_text="Its event, or the first one of a duplicate.")
    ip = fields.CharField(allow_null=True)
    headers = JsonObjectOrNull()
    body = fields.CharField(allow_null=True, help_text="Null where it was not read, is over 8 KiB, or a duplicate's.")


class RefusedRequests(fields.Serializer[Any]):
    code = fields.CharField()
    count = fields.IntegerField()


class WebhookTraffic(fields.Serializer[Any]):
    """What came in the last 24 hours."""

    accepted = fields.IntegerField()
    duplicates = fields.IntegerField()
    rejected = fields.IntegerField()
    rejected_by_code = RefusedRequests(many=True)
    held = fields.IntegerField(help_text="Events that wait for the endpoint to be resumed, counted up to 10,000.")
    latest_received_at = Time(allow_null=True)


class WebhookTestRequest(fields.Serializer[Any]):
    url = fields.CharField()
    headers = JsonObject()
    body = fields.CharField()


class WebhookTestAnswer(fields.Serializer[Any]):
    status = fields.IntegerField()
    body = JsonObject()
    milliseconds = fields.IntegerField()


class WebhookTest(fields.Serializer[Any]):
    """What was sent as the endpoint's sender, and what the gateway answered."""

    request = WebhookTestRequest()
    answer = WebhookTestAnswer()
    event_id = fields.UUIDField(allow_null=True)
    run_ids = fields.ListField(child=fields.UUIDField(), help_text="Runs that there are by now; more may follow.")


class Webhooks(ApiView):
    """`/webhooks`"""

    scopes: ClassVar = {"GET": "webhooks:read", "POST": "webhooks:write"}

    @describe("webhooks_list", "List webhook endpoints", answer=Webhook, is_list=True, ordered_by={"slug": "slug"})
    def get(self, request: Request) -> Response:
        query = Query(request, PAGE_PARAMETERS)
        return self.page(query, WebhookEndpoint.objects.all(), Webhook, {"slug": "slug"}, fed=webhook_traffic.fed())

    @describe(
        "webhooks_create",
        "Make a webhook endpoint",
        body=NewWebhook,
        answer=MadeWebhook,
        status=201,
        conflict=True,
        makes=True,
        sealed=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        new = read(request, NewWebhook)
        made = create_endpoint(actor=self.caller.actor, now=timezone.now(), **new)
        location = {"Location": reverse("api:webhook", args=[made.endpoint.pk])}
        return Response(_made(made), status=201, headers=location)


class OneWebhook(ApiView):
    """`/webhooks/{webhook_id}`"""

    scopes: ClassVar = {"GET": "webhooks:read", "PATCH": "webhooks:write", "DELETE": "webhooks:write"}

    @describe("webhooks_get", "Get a webhook endpoint", answer=Webhook, missing=True)
    def get(self, request: Request, webhook_id: str) -> Response:
        Query(request, ())
        return Response(Webhook(_seen(webhook_id), context={"fed": webhook_traffic.fed()}).data)

    @describe(
        "webhooks_change",
        "Change, pause or resume a webhook endpoint",
        body=WebhookChange,
        answer=MadeWebhook,
        missing=True,
    )
    def patch(self, request: Request, webhook_id: str) -> Response:
        Query(request, ())
        endpoint, given = _find(webhook_id), read(request, WebhookChange)
        is_paused = given.pop("is_paused", None)
        made, who, now = CreatedEndpoint(endpoint, None), self.caller.actor, timezone.now()
        with transaction.atomic():
            if given:
                made = update_endpoint(endpoint_id=endpoint.pk, actor=who, now=now, **given)
            if is_paused is not None:
                set_paused(endpoint_id=endpoint.pk, is_paused=is_paused, actor=who, now=now)
                made = CreatedEndpoint(_find(webhook_id), made.secret)
        return Response(_made(made))

    @describe(
        "webhooks_delete", "Delete a webhook endpoint for good", answer=WebhookDeleted, missing=True, conflict=True
    )
    def delete(self, request: Request, webhook_id: str) -> Response:
        Query(request, ())
        gone = remove_endpoint(endpoint_id=_find(webhook_id).pk, actor=self.caller.actor, now=timezone.now())
        return Response({"id": str(gone.pk), "deleted": True})


class WebhookSecrets(ApiView):
    """`/webhooks/{webhook_id}/secrets`"""

    scopes: ClassVar = {"POST": "webhooks:write"}

    @describe(
        "webhook_secrets_create",
        "Roll a webhook's signing secret",
        body=NewWebhookSecret,
        answer=MadeWebhook,
        status=201,
        missing=True,
        makes=True,
        sealed=True,
    )
    def post(self, request: Request, webhook_id: str) -> Response:
        Query(request, ())
        endpoint, new = _find(webhook_id), read(request, NewWebhookSecret)
        rolled = roll_secret(
            endpoint_id=endpoint.pk,
            overlap=timedelta(seconds=new["overlap_seconds"]),
            secret=new.get("secret", ""),
            actor=self.caller.actor,
            now=timezone.now(),
        )
        return Response(_made(rolled), status=201)


class PreviousWebhookSecret(ApiView):
    """`/webhooks/{webhook_id}/secrets/previous`"""

    scopes: ClassVar = {"DELETE": "webhooks:write"}

    @describe(
        "webhook_secrets_end_overlap",
        "Delete the older secret of a roll now",
        answer=Webhook,
        missing=True,
        conflict=True,
    )
    def delete(self, request: Request, webhook_id: str) -> Response:
        Query(request, ())
        ended = end_overlap(endpoint_id=_find(webhook_id).pk, actor=self.caller.actor, now=timezone.now())
        return Response(Webhook(ended, context={"fed": webhook_traffic.fed()}).data)


class WebhookTests(ApiView):
    """`/webhooks/{webhook_id}/tests`"""

    scopes: ClassVar = {"POST": "webhooks:write"}

    @describe(
        "webhook_tests_create",
        "Send a payload as the webhook's sender would",
        body=NewWebhookTest,
        answer=WebhookTest,
        status=201,
        missing=True,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request, webhook_id: str) -> Response:
        Query(request, ())
        endpoint, new = _find(webhook_id), read(request, NewWebhookTest)
        own_key = bearer_token(request.META.get("HTTP_AUTHORIZATION"))
        sent = send_test(endpoint, new["payload"], api_key=own_key, actor=self.caller.actor)
        answer = {"status": sent.status, "body": sent.answer, "milliseconds": sent.milliseconds}
        told = {
            "request": {"url": sent.url, "headers": sent.headers, "body": sent.body},
            "answer": answer,
            "event_id": sent.event_id,
            "run_ids": sent.run_ids,
        }
        return Response(WebhookTest(told).data, status=201)


class WebhookRequests(ApiView):
    """`/webhooks/{webhook_id}/requests`"""

    scopes: ClassVar = {"GET": "webhooks:read"}

    @describe(
        "webhook_requests_list",
        "List what came to a webhook endpoint",
        answer=WebhookRequest,
        is_list=True,
        is_ordered=False,
        parameters=(VERDICT, CODE),
        missing=True,
    )
    def get(self, request: Request, webhook_id: str) -> Response:
        query = Query(request, (*(name for name in PAGE_PARAMETERS if name != "ordering"), "verdict", "code"))
        verdicts = query.choices("verdict", list(webhook_traffic.VERDICTS))
        found = webhook_traffic.recent(
            _seen(webhook_id),
            verdict=verdicts[0] if verdicts else "",
            code=query.text("code") or "",
            cursor=query.cursor,
            limit=query.limit,
        )
        page: Page[Any] = Page(found.results, found.next_cursor, None)
        return self.envelope(page, WebhookRequest)


class TrafficOfWebhook(ApiView):
    """`/webhooks/{webhook_id}/traffic`"""

    scopes: ClassVar = {"GET": "webhooks:read"}

    @describe("webhook_traffic_get", "Count what came in 24 hours", answer=WebhookTraffic, missing=True)
    def get(self, request: Request, webhook_id: str) -> Response:
        Query(request, ())
        endpoint, now = _seen(webhook_id), timezone.now()
        traffic = webhook_traffic.traffic([endpoint], now=now)[endpoint.pk]
        codes = webhook_traffic.refused_codes(endpoint, now=now)
        told = {
            "accepted": traffic.accepted,
            "duplicates": traffic.duplicates,
            "rejected": traffic.rejected,
            "rejected_by_code": [{"code": code, "count": count} for code, count in codes],
            "held": webhook_traffic.held_count(endpoint),
            "latest_received_at": traffic.latest_at,
        }
        return Response(WebhookTraffic(told).data)


def _find(webhook_id: str) -> WebhookEndpoint:
    found = find(WebhookEndpoint.objects.all(), webhook_id, "Webhook")
    assert isinstance(found, WebhookEndpoint)
    return found


def _seen(webhook_id: str) -> WebhookEndpoint:
    """Also one that was deleted: what came to it can be read."""
    found = find(WebhookEndpoint.with_removed.all(), webhook_id, "Webhook")
    assert isinstance(found, WebhookEndpoint)
    return found


def _made(made: CreatedEndpoint) -> Any:
    return MadeWebhook(made.endpoint, context={"fed": webhook_traffic.fed(), "secret": made.secret}).data
