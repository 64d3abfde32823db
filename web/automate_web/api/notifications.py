"""Notifications over the API: the inbox and the choices of the member who made the key.

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
from automate_tenants.notifications import choices, inbox
from automate_tenants.notifications.kinds import KINDS
from automate_tenants.notifications.models import Notification
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.serializers import Input, JsonObject, Time
from automate_web.api.views import PAGE_PARAMETERS, ApiView, not_found, read

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
