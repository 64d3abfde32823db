"""Notifications over the API: the inbox, choices and webhooks of the member who made the key.

A key has no inbox of its own. One that was made by nobody who is a member (any more) is refused here.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate_governance.errors import PermissionDenied
from automate_tenants.context import current_tenant
from automate_tenants.models import Membership
from automate_tenants.notifications import choices, destinations, inbox, webhooks
from automate_tenants.notifications.kinds import KINDS
from automate_tenants.notifications.models import Delivery, Destination, Notification
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.serializers import Input, JsonObject, Text, Time
from automate_web.api.views import PAGE_PARAMETERS, ApiView, find, not_found, read

MAX_ID = 2**63 - 1
STATUSES = ("read", "unread")
CODES = [kind.code for kind in KINDS]


class NotificationShown(fields.Serializer[Notification]):
    """One occurrence. Failures of one kind within a day are one, whose `count` rises."""

    id = fields.CharField(source="pk")
    kind = fields.ChoiceField(choices=CODES)
    title = fields.CharField()
    text = fields.CharField()
    path = fields.CharField(help_text="Of what it is about, inside the workspace's portal.")
    count = fields.IntegerField()
    is_read = fields.BooleanField()
    details = JsonObject()
    created_at = Time()
    latest_at = Time(help_text="Of the latest occurrence.")


class NotificationChange(Input):
    """The state that shall hold."""

    is_read = fields.BooleanField()


class NotificationReading(Input):
    """Which are read: these, or all there are."""

    ids = fields.ListField(child=fields.IntegerField(min_value=1, max_value=MAX_ID), max_length=1000, required=False)
    all = fields.BooleanField(required=False, default=False)

    def validate(self, attrs: Any) -> Any:
        if bool(attrs.get("all")) == ("ids" in attrs):
            raise fields.ValidationError("Say `ids`, or `all`.", code="nothing_chosen")
        return attrs


class NotificationsRead(fields.Serializer[Any]):
    read = fields.IntegerField(help_text="How many were unread before.")


class NotificationChannels(fields.Serializer[Any]):
    in_app = fields.BooleanField()
    email = fields.BooleanField()
    webhook = fields.BooleanField()


class NotificationPreferences(fields.Serializer[Any]):
    """Where the member hears of what; only kinds that their role may see."""

    kinds = fields.DictField(child=NotificationChannels())


class NotificationPreferencesChange(Input):
    """What is not said stays."""

    kinds = fields.DictField(child=fields.DictField(child=fields.BooleanField()))


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


class MembersView(ApiView):
    """A resource of the member who made the key."""

    @property
    def member(self) -> Membership:
        maker = str(getattr(self.request.auth, "created_by", ""))
        number = maker.removeprefix("user:")
        found = None
        if maker.startswith("user:") and number.isdigit():
            found = Membership.objects.filter(tenant_id=current_tenant().id, user_id=int(number)).first()
        if found is None:
            raise PermissionDenied("Notifications belong to members, and this key was made by none of them.")
        return found


class Notifications(MembersView):
    """`/notifications`"""

    scopes: ClassVar = {"GET": "notifications:read"}

    @describe(
        "notifications_list",
        "List notifications of the member who made the key",
        answer=NotificationShown,
        is_list=True,
        parameters=[
            query_parameter("status", "Read or not.", enum=STATUSES),
            query_parameter("kind", "What it tells of.", enum=CODES),
        ],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, "status", "kind"))
        rows: QuerySet[Any] = inbox.of_member(self.member)
        if statuses := query.choices("status", STATUSES):
            rows = rows.filter(is_read__in=[status == "read" for status in statuses])
        if codes := query.choices("kind", CODES):
            rows = rows.filter(kind__in=codes)
        return self.page(query, rows, NotificationShown)


class OneNotification(MembersView):
    """`/notifications/{notification_id}`"""

    scopes: ClassVar = {"GET": "notifications:read", "PUT": "notifications:write"}

    @describe("notifications_get", "Get a notification", answer=NotificationShown, missing=True)
    def get(self, request: Request, notification_id: str) -> Response:
        Query(request, ())
        return Response(NotificationShown(self._find(notification_id)).data)

    @describe(
        "notifications_save",
        "Mark a notification as read, or not",
        body=NotificationChange,
        answer=NotificationShown,
        missing=True,
    )
    def put(self, request: Request, notification_id: str) -> Response:
        Query(request, ())
        found = self._find(notification_id)
        if read(request, NotificationChange)["is_read"]:
            inbox.mark_read(member=self.member, ids=[found.pk], now=timezone.now())
        else:
            inbox.mark_unread(member=self.member, ids=[found.pk])
        return Response(NotificationShown(self._find(notification_id)).data)

    def _find(self, text: str) -> Any:
        is_number = text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID
        found = inbox.of_member(self.member).filter(pk=int(text)).first() if is_number else None
        if found is None:
            raise not_found("notification", text)
        return found


class NotificationReads(MembersView):
    """`/notifications/reads`"""

    scopes: ClassVar = {"POST": "notifications:write"}

    @describe(
        "notification_reads_create",
        "Mark several notifications as read",
        body=NotificationReading,
        answer=NotificationsRead,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        asked = read(request, NotificationReading)
        ids = None if asked["all"] else asked["ids"]
        done = inbox.mark_read(member=self.member, ids=ids, now=timezone.now())
        return Response(NotificationsRead({"read": done}).data)


class Preferences(MembersView):
    """`/notifications/preferences`"""

    scopes: ClassVar = {"GET": "notifications:read", "PUT": "notifications:write"}

    @describe("notification_preferences_get", "Say what reaches the member where", answer=NotificationPreferences)
    def get(self, request: Request) -> Response:
        Query(request, ())
        return self._shown()

    @describe(
        "notification_preferences_save",
        "Choose what reaches the member where",
        body=NotificationPreferencesChange,
        answer=NotificationPreferences,
    )
    def put(self, request: Request) -> Response:
        Query(request, ())
        wanted = read(request, NotificationPreferencesChange)["kinds"]
        choices.choose(member=self.member, wanted=wanted, now=timezone.now(), actor=self.caller.actor)
        return self._shown()

    def _shown(self) -> Response:
        found = choices.of_member(self.member)
        return Response(NotificationPreferences({"kinds": {one.kind.code: one for one in found}}).data)


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
