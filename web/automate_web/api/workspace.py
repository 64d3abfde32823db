"""The workspace itself over the API: what the page Settings shows and changes.

Whether members need a second factor is read here and set on the page alone, by an Owner who has one.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.retention import configured
from automate_tenants import workspace_settings
from automate_tenants.context import current_tenant
from automate_tenants.models import Tenant
from automate_web.api.documentation import describe
from automate_web.api.query import Query
from automate_web.api.serializers import Input, Text, Time
from automate_web.api.views import ApiView, read


class WorkspaceChange(Input):
    """What shall be different; what is left out stays."""

    name = Text(max_length=workspace_settings.MAX_NAME, required=False)
    timezone = Text(max_length=64, required=False, help_text="A name of the IANA database, such as Europe/Vienna.")
    retention_days = fields.IntegerField(
        min_value=0, required=False, help_text="At most what the plan allows; 0: as long as it allows."
    )


class WorkspaceShown(fields.Serializer[Any]):
    """The workspace of the key."""

    slug = fields.CharField(help_text="Its address.")
    name = fields.CharField()
    timezone = fields.CharField(help_text="Budgets and daily limits begin anew at its midnight.")
    requires_second_factor = fields.BooleanField(help_text="Of its members; keys are not asked.")
    retention_days = fields.IntegerField(help_text="How long events and runs are kept after they ended.")
    created_at = Time()


class TheWorkspace(ApiView):
    """`/workspace`"""

    scopes: ClassVar = {"GET": "policy:read", "PATCH": "policy:write"}

    @describe("workspace_get", "Read the workspace's settings", answer=WorkspaceShown)
    def get(self, request: Request) -> Response:
        Query(request, ())
        return _shown(Tenant.objects.get(pk=current_tenant().id))

    @describe(
        "workspace_save",
        "Change the workspace's name, time zone or retention",
        body=WorkspaceChange,
        answer=WorkspaceShown,
    )
    def patch(self, request: Request) -> Response:
        Query(request, ())
        changed = read(request, WorkspaceChange)
        return _shown(
            workspace_settings.change(
                tenant_id=current_tenant().id, actor=self.caller.actor, now=timezone.now(), **changed
            )
        )


def _shown(tenant: Tenant) -> Response:
    retention = configured().for_days(tenant.kept_days)
    return Response(
        WorkspaceShown(
            {
                "slug": tenant.slug,
                "name": tenant.name,
                "timezone": tenant.timezone,
                "requires_second_factor": bool(tenant.requires_second_factor),
                "retention_days": retention.days,
                "created_at": tenant.created_at,
            }
        ).data
    )
