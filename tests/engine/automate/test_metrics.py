"""What Prometheus is told, and who may ask."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.http import Http404
from django.test import RequestFactory, override_settings
from prometheus_client.parser import text_string_to_metric_families

from automate import metrics
from automate.metrics_view import metrics as view
from automate.models import OutboxJob
from automate.runtime import emit_event
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, bench

__all__ = ["bench"]
ON = {"HOST": "automate_tenants.host.TenantHost", "SECRETS": {"backend": "none"}, "METRICS_EXPORT": True}
STEP = {"id": "shape", "connector": "core", "action": "transform", "params": {"value": 1}}


def told() -> dict[str, float]:
    found = text_string_to_metric_families(metrics.exposition().decode())
    return {
        name + "".join(f"|{value}" for key, value in labels.items() if key != "le"): value
        for family in found
        for name, labels, value, *_ in family.samples
        if "le" not in labels
    }


@pytest.mark.django_db(transaction=True)
@override_settings(DJANGO_AUTOMATE=ON)
def test_runs_steps_and_the_outbox_are_told(bench: Bench) -> None:
    bench.publish(STEP)
    before = told()
    bench.emit()
    with tenant_scope(bench.ref):
        OutboxJob.objects.update(available_at=datetime.now(timezone.utc) - timedelta(seconds=90))

    waiting = told()
    bench.work()
    after = told()

    assert waiting["automate_outbox_pending"] == 1
    assert 90 <= waiting["automate_outbox_lag_seconds"] < 150
    assert (after["automate_outbox_pending"], after["automate_outbox_lag_seconds"]) == (0, 0)

    def risen(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert risen("automate_events_received_total") == 1
    assert risen("automate_runs_total|succeeded") == 1
    assert risen("automate_run_duration_seconds_count") == 1
    assert risen("automate_step_duration_seconds_count|core") == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_counted_unless_it_is_wanted(bench: Bench) -> None:
    with override_settings(DJANGO_AUTOMATE=ON):
        before = told()
    bench.publish(STEP)
    with tenant_scope(bench.ref):
        emit_event("order.created", {})
    bench.work()

    with override_settings(DJANGO_AUTOMATE=ON):
        assert told() == before


@pytest.mark.parametrize(
    ("settings", "request_headers", "status"),
    [
        ({}, {}, 200),
        ({}, {"REMOTE_ADDR": "203.0.113.5"}, 403),
        ({}, {"HTTP_X_FORWARDED_FOR": "203.0.113.5"}, 403),  # the address is the proxy's then
        ({"token": "t0ken"}, {}, 403),
        ({"token": "t0ken"}, {"HTTP_AUTHORIZATION": "Bearer wrong"}, 403),
        ({"token": "t0ken"}, {"REMOTE_ADDR": "203.0.113.5", "HTTP_AUTHORIZATION": "Bearer t0ken"}, 200),
    ],
)
@pytest.mark.django_db
def test_metrics_are_for_this_machine_or_for_the_token(
    settings: dict[str, Any], request_headers: dict[str, str], status: int
) -> None:
    with override_settings(DJANGO_AUTOMATE={**ON, "METRICS": settings}):
        assert view(RequestFactory().get("/metrics", **request_headers)).status_code == status


def test_without_the_setting_there_is_no_such_page() -> None:
    with override_settings(DJANGO_AUTOMATE={}), pytest.raises(Http404):
        view(RequestFactory().get("/metrics"))
