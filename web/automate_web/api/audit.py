"""The audit log: read and exported, never written by a caller."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from automate.models import AuditLogEntry
from automate_web.api import serializers
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.timerange import received_between
from automate_web.api.views import PAGE_PARAMETERS, ApiView

FILTERS = ("actor", "action", "resource", "trace_id", "since", "until")


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
            query_parameter("trace_id", "32 hex digits."),
            query_parameter("since", "From this time on (RFC 3339)."),
            query_parameter("until", "Before this time (RFC 3339)."),
        ],
    )
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, *FILTERS))
        entries = AuditLogEntry.objects.all()
        if actor := query.text("actor"):
            entries = entries.filter(actor=actor)
        if action := query.text("action"):
            entries = entries.filter(action__startswith=action)
        if resource := query.text("resource"):
            entries = entries.filter(resource__startswith=resource)
        if trace_id := query.uuid("trace_id"):
            entries = entries.filter(trace_id=trace_id)
        entries = received_between(entries, query.moment("since"), query.moment("until"))
        return self.page(query, entries, serializers.AuditEntry)
