"""The audit log: read and exported, never written by a caller."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import AuditLogEntry
from automate_web.api import serializers
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.filters import TRACE_AND_TIME, narrow, trace_and_time
from automate_web.api.query import Query
from automate_web.api.views import PAGE_PARAMETERS, ApiView

FILTERS = ("actor", "action", "resource", *TRACE_AND_TIME)


class Audit(ApiView):
    """`/audit`"""

    scopes: ClassVar = {"GET": "audit:read"}

    @describe(
        "audit_list",
        "List audit entries",
        answer=serializers.AuditEntry,
        is_list=True,
        parameters=[
            query_parameter("actor", "Exactly this actor, such as `user:12` or `system`."),
            query_parameter("action", "Actions that begin with this, such as `secret.`."),
            query_parameter("resource", "Resources that begin with this, such as `workflow:`."),
            *trace_and_time("32 hex digits.", "From this time on (RFC 3339).", "Before this time (RFC 3339)."),
        ],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, *FILTERS))
        entries = narrow(AuditLogEntry.objects.all(), query, texts=("actor",))
        if action := query.text("action"):
            entries = entries.filter(action__startswith=action)
        if resource := query.text("resource"):
            entries = entries.filter(resource__startswith=resource)
        return self.page(query, entries, serializers.AuditEntry)
