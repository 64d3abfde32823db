"""The reference page, "Configuration": every setting with its default, and what it does."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from django.http import Http404
from django.test import RequestFactory, override_settings

from automate import configuration, metrics_view, policy, secrets
from automate.checks import check_settings
from automate.definitions import parse_steps
from automate.models import OutboxJob
from automate_connectors.models import ConnectorError
from automate_governance.egress import EgressDenied, default_policy, request_sync
from automate_llm import config as llm
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step
from tests.seeds.promise import promise
from tests.support.sink import Sink

HOSTED = {"HOST": "automate_tenants.host.TenantHost", "SECRETS": {"backend": "none"}}


def settings(**options: Any) -> Any:
    return override_settings(DJANGO_AUTOMATE=options)


@promise("reference", "All configuration lives in the DJANGO_AUTOMATE dictionary.")
def test_all_configuration_lives_in_the_django_automate_dictionary() -> None:
    package = Path(configuration.__file__).parents[1]
    reads = {
        file.name: line
        for root in ("automate", "automate_connectors", "automate_governance", "automate_llm")
        for file in (package / root).rglob("*.py")
        for line in file.read_text().splitlines()
        if "os.environ" in line and "DJANGO_SETTINGS_MODULE" not in line
    }
    assert set(reads) <= {"environment.py", "processes.py"}  # the env secrets backend, and a child's own environment
    with settings(NOPE=1):
        assert [found.id for found in check_settings()] == ["automate.E001"]


@promise("reference", "ENABLED | bool | True | Master kill-switch for the automation system.")
def test_enabled_is_the_master_kill_switch(bench: Bench, scripted: Any) -> None:
    with settings():
        assert configuration.is_enabled() is True
    bench.publish(step("a"))
    bench.emit()

    with settings(**HOSTED, ENABLED=False):
        bench.work()
    stopped = list(scripted.calls)
    bench.work()

    assert stopped == []
    assert len(scripted.calls) == 1


@promise("reference", 'WORKER_MODE | str | "thread" | "thread", "process", or "synchronous" (dev).')
def test_worker_mode_is_thread_process_or_synchronous() -> None:
    with settings():
        assert configuration.worker_mode() == "thread"
    for mode in ("thread", "process", "synchronous"):
        with settings(WORKER_MODE=mode):
            assert check_settings() == []
            assert configuration.worker_mode() == mode
    with settings(WORKER_MODE="fibre"):
        assert [found.id for found in check_settings()] == ["automate.E002"]


@promise("reference", "EXECUTION.timeout_seconds | int | 60 | Max duration for a single step execution.")
def test_timeout_seconds_is_the_max_duration_of_a_step(bench: Bench, scripted: Any) -> None:
    with settings():
        assert configuration.execution().timeout_seconds == 60
    told: list[float] = []
    may_end = threading.Event()

    def hang(params: Any, context: Any) -> None:
        told.append(context["timeout_seconds"])
        may_end.wait(60)

    scripted.script = staticmethod(hang)
    try:
        with settings(**HOSTED, EXECUTION={"timeout_seconds": 1, "max_retries": 0}):
            bench.publish(step("a"))
            bench.emit()
            bench.work()  # comes back while the connector still hangs
    finally:
        may_end.set()

    assert len(told) == 1
    assert 0 < told[0] <= 1
    assert (bench.run().error or {})["code"] == "step_timeout"


@promise("reference", "EXECUTION.max_retries | int | 3 | Default retry count for transient failures.")
def test_max_retries_is_the_default_retry_count_for_transient_failures(bench: Bench, scripted: Any) -> None:
    def refuse(params: Any, context: Any) -> None:
        raise ConnectorError("busy", retryable=True)

    scripted.script = staticmethod(refuse)
    bench.publish(step("a"))
    bench.emit()
    for _ in range(6):
        bench.work()
        bench.make_due()

    assert [attempt for _, _, attempt in scripted.calls] == [1, 2, 3, 4]
    with settings(EXECUTION={"max_retries": 1}):
        assert parse_steps([step("a")])[0].retry.attempts == 2


@promise("reference", "EXECUTION.batch_size | int | 10 | Number of items automate_worker claims at once.")
def test_batch_size_is_the_number_of_items_that_a_worker_claims_at_once() -> None:
    from automate.worker.loop import configured_options

    with settings():
        assert configured_options().batch_size == 10
    with settings(EXECUTION={"batch_size": 25}):
        assert configured_options().batch_size == 25


@promise(
    "reference",
    "POLICY.allow_ssrf | bool | False | If False, blocks HTTP calls to private IPs (e.g. 10.0.0.0/8).",
)
def test_without_allow_ssrf_http_calls_to_private_addresses_are_blocked(http_sink: Sink) -> None:
    with settings():
        assert default_policy().allow_ssrf is False
        for url in ("http://10.1.2.3/", http_sink.url, "http://[::ffff:10.0.0.1]/"):
            with pytest.raises(EgressDenied):
                request_sync("GET", url, policy=default_policy())
    assert http_sink.received == []
    with settings(POLICY={"allow_ssrf": True, "host_allowlist": [f"127.0.0.1:{http_sink.port}"]}):
        assert request_sync("GET", http_sink.url, policy=default_policy()).status == 200


@promise("reference", 'POLICY.connector_allowlist | list | ["*"] | List of allowed Connector codes.')
def test_connector_allowlist_is_the_list_of_allowed_connector_codes(bench: Bench, scripted: Any) -> None:
    with settings():
        assert policy.installation_rules().connector_allowlist == ("*",)
    bench.publish(step("a"))
    with settings(**HOSTED, POLICY={"connector_allowlist": ["core"]}):
        bench.emit()
        bench.work()

    assert (bench.run().error or {})["code"] == "connector_not_allowed"
    assert scripted.calls == []


@promise("reference", "POLICY.llm_budget_daily | float | 10.00 | Hard cap on LLM spend per day (USD).")
def test_llm_budget_daily_is_a_hard_cap_of_10_dollars(bench: Bench) -> None:
    from decimal import Decimal

    from automate_llm.budgets.caps import find_caps

    with settings(), tenant_scope(bench.ref):
        assert llm.daily_ceiling_usd() == 10.00
        assert find_caps(None, {}).tenant == 10_000_000  # micro-dollars
        assert find_caps(None, {"llm_budget_daily": Decimal(99)}).tenant == 10_000_000  # nobody below raises it


@promise("reference", 'SECRETS.backend | str | "env" | "env", "db", or dotted path to custom backend.')
def test_the_secrets_backend_is_env_db_or_a_dotted_path(monkeypatch: pytest.MonkeyPatch) -> None:
    from automate.secrets.stored import StoredBackend
    from automate_governance.secrets.environment import EnvBackend

    with settings():
        assert isinstance(secrets.backend(), EnvBackend)
    with settings(SECRETS={"backend": "db"}):
        assert isinstance(secrets.backend(), StoredBackend)
    with settings(SECRETS={"backend": "automate_governance.secrets.environment.EnvBackend"}):
        monkeypatch.setenv("AUTOMATE_BY_PATH", "value")
        assert secrets.resolve("$secret:BY_PATH") == "value"


@promise("reference", 'SECRETS.prefix | str | "AUTOMATE_" | Prefix for environment variable discovery.')
def test_the_prefix_finds_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMATE_A_KEY", "by default")
    monkeypatch.setenv("SHOP_A_KEY", "by prefix")

    with settings():
        assert secrets.resolve("$secret:A_KEY") == "by default"
    with settings(SECRETS={"prefix": "SHOP_"}):
        assert secrets.resolve("$secret:A_KEY") == "by prefix"
    assert "A_KEY" not in os.environ


LOG = """
import logging, sys
from django.core.management import call_command
from django.test import override_settings
sys.stderr = sys.stdout
with override_settings(DJANGO_AUTOMATE={options!r}):
    call_command("automate_worker", once=True)
logging.getLogger("automate.shop").warning("the door is ajar")
"""


@pytest.mark.processes
@promise("reference", 'LOGGING_SCHEMA | str | "ecs" | "ecs" (Elastic) or "simple".')
def test_the_logging_schema_is_ecs_or_simple(make_project: Any) -> None:
    import json

    def line(schema: str) -> str:
        status, said = make_project("sqlite").fate(LOG.format(options={"LOGGING_SCHEMA": schema} if schema else {}))
        assert status == 0, said
        return str(said.splitlines()[-1])

    for schema in ("", "ecs"):
        assert json.loads(line(schema))["message"] == "the door is ajar"
    assert line("simple").endswith("WARNING automate.shop the door is ajar")
    with settings(LOGGING_SCHEMA="xml"):
        assert [found.id for found in check_settings()] == ["automate.E002"]


@promise("reference", "METRICS_EXPORT | bool | False | Enable Prometheus metrics endpoint.")
def test_metrics_export_enables_the_prometheus_endpoint(bench: Bench) -> None:
    request = RequestFactory().get("/metrics")
    with settings():
        assert configuration.are_metrics_exported() is False
        with pytest.raises(Http404):
            metrics_view.metrics(request)
    with settings(**HOSTED, METRICS_EXPORT=True), tenant_scope(bench.ref):
        OutboxJob.objects.all().delete()
        answer = metrics_view.metrics(request)

    assert answer.status_code == 200
    assert b"automate_outbox_pending" in answer.content
