"""Usage: what the workspace has used of its plan, and every day of it by workflow."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from automate_billing import period as periods
from automate_billing import report
from automate_billing.period import Period
from automate_web.api import serializers
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.views import ApiView

PERIOD = query_parameter("period", "A month of the workspace's zone, such as 2026-11; the current one without it.")


class Usage(ApiView):
    """`/usage`"""

    scopes: ClassVar = {"GET": "usage:read"}

    @describe("usage_get", "Get a period's usage against the plan", answer=serializers.Usage, parameters=[PERIOD])
    def get(self, request: Request) -> Response:
        found = report.usage_of(self.caller.tenant.id, now=timezone.now(), period=_period(request))
        return Response(serializers.Usage(_body(found)).data)


class Days(ApiView):
    """`/usage/days`"""

    scopes: ClassVar = {"GET": "usage:read"}

    @describe(
        "usage_days", "Get a period's usage by day and workflow", answer=serializers.UsageRows, parameters=[PERIOD]
    )
    def get(self, request: Request) -> Response:
        tenant_id = self.caller.tenant.id
        period = _period(request) or report.current_period(tenant_id, now=timezone.now())
        body = {"period": period.name, "results": list(report.rows(tenant_id, period))}
        return Response(serializers.UsageRows(body).data)


def _period(request: Request) -> Period | None:
    name = Query(request, ("period",)).text("period")
    return periods.parse(name) if name else None


def _body(found: report.Usage) -> dict[str, Any]:
    return {
        "period": found.period.name,
        "time_zone": found.time_zone,
        "ends_at": found.ends_at,
        "plan": {"code": found.plan.code, "name": found.plan.name, "since": found.plan_since},
        "held_events": found.held,
        "meters": [
            {
                "meter": used.meter.code,
                "used": used.used,
                "included": used.included,
                "percent": used.percent,
                "holds": used.meter.holds,
                "forecast": used.forecast,
                "by_day": [{"day": day, "amount": amount} for day, amount in used.by_day],
            }
            for used in found.meters
        ],
        "periods": found.periods,
    }
