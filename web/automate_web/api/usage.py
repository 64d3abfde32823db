"""Usage: what the workspace has used of its plan, and every day of it by workflow."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from automate_billing import period as periods
from automate_billing import report, thresholds
from automate_billing.meters import BY_CODE
from automate_billing.period import Period
from automate_web.api import serializers
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.views import ApiView, read

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


class Alerts(ApiView):
    """`/usage/alerts`"""

    scopes: ClassVar = {"GET": "usage:read", "PUT": "usage:write"}

    @describe("usage_alerts_get", "Say at which percents of usage members are told", answer=serializers.UsageAlerts)
    def get(self, request: Request) -> Response:
        Query(request, ())
        return self._shown()

    @describe(
        "usage_alerts_save",
        "Choose at which percents of usage members are told",
        body=serializers.UsageAlertsChange,
        answer=serializers.UsageAlerts,
    )
    def put(self, request: Request) -> Response:
        Query(request, ())
        asked = read(request, serializers.UsageAlertsChange)
        thresholds.choose(tenant_id=self.caller.tenant.id, **asked, actor=self.caller.actor, now=timezone.now())
        return self._shown()

    def _shown(self) -> Response:
        chosen = thresholds.of_workspace(self.caller.tenant.id)
        body = {
            "every": chosen.every,
            "meters": chosen.meters,
            "in_force": {meter: chosen.of(meter) for meter in BY_CODE},
            "changed_at": chosen.changed_at,
            "changed_by": chosen.changed_by,
        }
        return Response(serializers.UsageAlerts(body).data)


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
