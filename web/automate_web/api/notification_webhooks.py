"""Webhooks of notifications over the API: where a member's are posted, their secrets, and what was sent there."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate_tenants.models import Membership
from automate_tenants.notifications import destinations, webhooks
from automate_tenants.notifications.models import Delivery, Destination
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.notifications import MembersView
from automate_web.api.query import Query
from automate_web.api.serializers import Input, Text, Time
from automate_web.api.views import PAGE_PARAMETERS, find, read


class NewNotificationWebhook(Input):
    url = Text(max_length=500)


class NotificationWebhookChange(Input):
    """The state that shall hold."""

    is_enabled = fields.BooleanField()


class NotificationWebhook(fields.Serializer[Destination]):
    """A URL that the member's notifications are posted to."""

    id = fields.CharField(source="pk")
    url = fields.CharField()
    is_enabled = fields.SerializerMethodField()
    disabled_because = fields.CharField()
    created_at = Time()

    def get_is_enabled(self, row: Destination) -> bool:
        return row.disabled_at is None


class MadeNotificationWebhook(NotificationWebhook):
    """With its signing secret, which is shown once."""

    secret = fields.SerializerMethodField(help_text="Keep it safe: it cannot be read again.")

    def get_secret(self, row: Destination) -> str:
        return str(self.context["secret"])


class NotificationWebhookRemoved(fields.Serializer[Any]):
    id = fields.CharField()
    deleted = fields.BooleanField()


class NotificationWebhookTested(fields.Serializer[Any]):
    """What came of one signed message."""

    is_ok = fields.BooleanField()
    status = fields.IntegerField(allow_null=True)
    error = fields.CharField(allow_blank=True)
    took_ms = fields.IntegerField(allow_null=True)


class NotificationDelivery(fields.Serializer[Delivery]):
    """One notification on its way to one webhook."""

    id = fields.CharField(source="pk", help_text="The header `webhook-id`, the same at each try.")
    webhook_id = fields.CharField(source="destination_id")
    notification_id = fields.CharField()
    title = fields.CharField(source="notification.title")
    status = fields.ChoiceField(choices=["pending", "sent", "failed"])
    attempts = fields.IntegerField()
    attempted_at = Time(allow_null=True)
    next_at = fields.SerializerMethodField(help_text="When it is tried next; null when it is not.")
    http_status = fields.IntegerField(allow_null=True)
    error = fields.CharField()
    took_ms = fields.IntegerField(allow_null=True)

    def get_next_at(self, row: Delivery) -> str | None:
        return Time().to_representation(row.due_at) if row.status == Delivery.Status.PENDING else None


class Webhooks(MembersView):
    """`/notifications/webhooks`"""

    scopes: ClassVar = {"GET": "notifications:read", "POST": "notifications:write"}

    @describe(
        "notification_webhooks_list",
        "List the member's webhooks",
        answer=NotificationWebhook,
        is_list=True,
    )
    def get(self, request: Request) -> Response:
        return self.page(Query(request, PAGE_PARAMETERS), destinations.of_member(self.member), NotificationWebhook)

    @describe(
        "notification_webhooks_create",
        "Have notifications posted to a URL",
        body=NewNotificationWebhook,
        answer=MadeNotificationWebhook,
        status=201,
        makes=True,
        sealed=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        url = read(request, NewNotificationWebhook)["url"]
        added = destinations.add(member=self.member, url=url, now=timezone.now(), actor=self.caller.actor)
        return _made(added)


class OneWebhook(MembersView):
    """`/notifications/webhooks/{destination_id}`"""

    scopes: ClassVar = {
        "GET": "notifications:read",
        "PUT": "notifications:write",
        "DELETE": "notifications:write",
    }

    @describe(
        "notification_webhooks_get", "Get a webhook, without its secret", answer=NotificationWebhook, missing=True
    )
    def get(self, request: Request, destination_id: str) -> Response:
        Query(request, ())
        return Response(NotificationWebhook(_find(self.member, destination_id)).data)

    @describe(
        "notification_webhooks_save",
        "Switch a webhook on or off",
        body=NotificationWebhookChange,
        answer=NotificationWebhook,
        missing=True,
    )
    def put(self, request: Request, destination_id: str) -> Response:
        Query(request, ())
        found = _find(self.member, destination_id)
        is_on = read(request, NotificationWebhookChange)["is_enabled"]
        changed = destinations.enable(
            member=self.member, destination_id=found.pk, is_on=is_on, now=timezone.now(), actor=self.caller.actor
        )
        return Response(NotificationWebhook(changed).data)

    @describe(
        "notification_webhooks_delete",
        "Remove a webhook with its log",
        answer=NotificationWebhookRemoved,
        missing=True,
    )
    def delete(self, request: Request, destination_id: str) -> Response:
        Query(request, ())
        found = _find(self.member, destination_id)
        destinations.remove(member=self.member, destination_id=found.pk, now=timezone.now(), actor=self.caller.actor)
        return Response({"id": str(found.pk), "deleted": True})


class WebhookRolls(MembersView):
    """`/notifications/webhooks/{destination_id}/rolls`"""

    scopes: ClassVar = {"POST": "notifications:write"}

    @describe(
        "notification_webhook_rolls_create",
        "Roll a webhook's secret; both sign for a day",
        answer=MadeNotificationWebhook,
        status=201,
        missing=True,
        makes=True,
        sealed=True,
    )
    def post(self, request: Request, destination_id: str) -> Response:
        Query(request, ())
        found = _find(self.member, destination_id)
        return _made(
            destinations.roll(member=self.member, destination_id=found.pk, now=timezone.now(), actor=self.caller.actor)
        )


class WebhookTests(MembersView):
    """`/notifications/webhooks/{destination_id}/tests`"""

    scopes: ClassVar = {"POST": "notifications:write"}

    @describe(
        "notification_webhook_tests_create",
        "Send one signed message, and say what came of it",
        answer=NotificationWebhookTested,
        missing=True,
        makes=True,
    )
    def post(self, request: Request, destination_id: str) -> Response:
        Query(request, ())
        outcome = webhooks.ping(_find(self.member, destination_id), now=timezone.now())
        return Response(NotificationWebhookTested(outcome).data)


class WebhookDeliveries(MembersView):
    """`/notifications/deliveries`"""

    scopes: ClassVar = {"GET": "notifications:read"}

    @describe(
        "notification_deliveries_list",
        "List what was posted to the member's webhooks, or waits to be",
        answer=NotificationDelivery,
        is_list=True,
        parameters=[query_parameter("webhook", "Id of one of them.")],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, "webhook"))
        rows = destinations.log(self.member)
        if webhook := query.uuid("webhook"):
            rows = rows.filter(destination_id=webhook)
        return self.page(query, rows, NotificationDelivery)


class Redeliveries(MembersView):
    """`/notifications/deliveries/{delivery_id}/redeliveries`"""

    scopes: ClassVar = {"POST": "notifications:write"}

    @describe(
        "notification_redeliveries_create",
        "Send a notification to its webhook once more",
        answer=NotificationDelivery,
        status=201,
        missing=True,
        conflict=True,
        makes=True,
    )
    def post(self, request: Request, delivery_id: str) -> Response:
        Query(request, ())
        found = find(destinations.log(self.member), delivery_id, "delivery")
        again = destinations.redeliver(
            member=self.member, delivery_id=found.pk, now=timezone.now(), actor=self.caller.actor
        )
        return Response(NotificationDelivery(again).data, status=201)


def _find(member: Membership, text: str) -> Destination:
    found: Destination = find(destinations.of_member(member), text, "webhook")
    return found


def _made(added: destinations.Added) -> Response:
    shown = MadeNotificationWebhook(added.destination, context={"secret": added.secret})
    return Response(shown.data, status=201)
