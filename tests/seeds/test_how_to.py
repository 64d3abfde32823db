"""The how-to page: publishing, importing, rotating, masking, connectors of one's own, tuning, debugging."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from automate import secrets
from automate.models import WorkflowVersion
from automate.services import secrets as services
from automate_connectors import registry
from automate_connectors.models import ConnectorError
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step
from tests.seeds.legacy_erp import ADAPTER, APP_CONFIG, DECORATOR
from tests.seeds.promise import promise
from tests.web.portal.conftest import Enter

ROOT = Path(__file__).parents[2]
LOG = step("a", "log", connector="core", params={"message": "hi"})


def now() -> datetime:
    return datetime.now(UTC)


@promise(
    "how-to", 'Publishing: Click "Publish". This creates a new active version of the workflow.', note="On its page"
)
def test_publish_creates_a_new_active_version(bench: Bench, tenant_a: Any, enter: Enter) -> None:
    from automate.models import Workflow

    bench.publish(LOG)
    with tenant_scope(bench.ref):
        workflow = Workflow.objects.get(slug="flow")
        draft = {**workflow.draft, "note": "second", "steps": [{**LOG, "params": {"message": "second"}}]}
    browser = enter(tenant_a)
    page = browser.get(f"/workflows/{workflow.pk}/").content.decode()
    assert "Publish" in page

    given = {"definition": json.dumps(draft), "revision": workflow.draft_revision, "note": "second"}
    answer = browser.post(f"/workflows/{workflow.pk}/versions/", given, follow=True)

    assert answer.status_code == 200
    with tenant_scope(bench.ref):
        active = Workflow.objects.select_related("active_version").get(pk=workflow.pk).active_version
        assert active is not None
        assert (active.version_num, active.steps[0]["params"]) == (2, {"message": "second"})


@promise(
    "how-to",
    "Testing: Use the Rule Tester tab to verify your logic conditions against sample JSON payloads.",
    note="A page of the workflow, linked from its own",
)
def test_the_rule_tester_verifies_conditions_against_a_sample_payload(
    bench: Bench, tenant_a: Any, enter: Enter
) -> None:
    from automate.models import Event, Workflow

    rule = {"and": [{">": [{"var": "payload.total"}, 100]}, {"==": [{"var": "payload.currency"}, "EUR"]}]}
    bench.publish(LOG, rule=rule)
    with tenant_scope(bench.ref):
        workflow = Workflow.objects.get(slug="flow")
    browser = enter(tenant_a, "viewer")
    assert f"/workflows/{workflow.pk}/rule-tests/" in browser.get(f"/workflows/{workflow.pk}/").content.decode()

    def verdict(**payload: Any) -> str:
        asked = {"payload": json.dumps(payload), "version": "draft"}
        live = {"HX-Request": "true", "HX-Target": "verdict"}
        answer = browser.post(f"/workflows/{workflow.pk}/rule-evaluations/", asked, headers=live)
        assert answer.status_code == 200
        return str(answer.content.decode())

    assert "The event would start the workflow." in verdict(total=150, currency="EUR")
    assert "Not met: payload.total &gt; 100" in verdict(total=50, currency="EUR")
    assert "Not met: payload.currency" in verdict(total=150, currency="USD")
    with tenant_scope(bench.ref):
        assert not Event.objects.exists()  # asked, not sent


@promise(
    "how-to",
    "Define your workflow in a JSON file and load it via management command: python manage.py automate_import --file"
    " workflows/order_flow.json",
)
def test_automate_import_loads_a_workflow_from_a_file(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "workflows" / "order_flow.json"
    file.parent.mkdir()
    trigger = {"type": "event", "event_type": "order.created"}
    file.write_text(json.dumps({"slug": "order-flow", "name": "Order flow", "trigger": trigger, "steps": [LOG]}))

    call_command("automate_import", "--file", str(file), "--schema", bench.ref.schema_name)
    call_command("automate_import", "--file", str(file), "--schema", bench.ref.schema_name)
    bench.emit()
    bench.work()

    with tenant_scope(bench.ref):
        assert [v.version_num for v in WorkflowVersion.objects.filter(workflow__slug="order-flow")] == [1]
    assert bench.run().status == "succeeded"


@promise("how-to", "Recommended for version-controlled workflows.")
def test_an_export_is_the_file_that_was_imported(bench: Bench, tenant_b: Any, tmp_path: Path) -> None:
    from automate.services import export_definition

    version = bench.publish({**LOG, "note": "“Grüße”"}, rule={"!=": [{"var": "payload.n"}, 1.5]}, deadline_seconds=60)
    with tenant_scope(bench.ref):
        ours = WorkflowVersion.objects.get(pk=version)
        first = export_definition(ours)
    (tmp_path / "flow.json").write_text(first)

    call_command("automate_import", "--file", str(tmp_path / "flow.json"), "--schema", tenant_b.ref.schema_name)

    with tenant_scope(tenant_b.ref):
        theirs = WorkflowVersion.objects.get(workflow__slug="flow")
        assert (theirs.definition, theirs.options) == (ours.definition, ours.options)
        assert export_definition(theirs) == first


@promise(
    "how-to",
    "Env Backend: Update your environment variable (e.g., AUTOMATE_STRIPE_KEY_V2) and update the SecretRef in your"
    " workflow to point to the new key.",
)
def test_the_env_backend_is_rotated_by_a_new_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMATE_STRIPE_KEY", "first")
    with override_settings(DJANGO_AUTOMATE={"SECRETS": {"backend": "env"}}):
        assert secrets.resolve("$secret:STRIPE_KEY") == "first"
        monkeypatch.setenv("AUTOMATE_STRIPE_KEY_V2", "second")
        assert secrets.resolve("$secret:STRIPE_KEY_V2") == "second"


@promise(
    "how-to",
    'DB Backend: Go to Admin > Governance > Stored Secrets. Use the "Rotate Secret" action to securely update the value'
    " without changing the reference key used in workflows.",
    note="In the portal: Governance, Stored Secrets, Rotate",
)
def test_rotate_secret_updates_the_value_under_the_same_reference(tenant_a: Any, enter: Enter) -> None:
    with tenant_scope(tenant_a.ref):
        services.create_secret(name="STRIPE_KEY", value="first value", actor="system", now=now())
    browser = enter(tenant_a)
    page = browser.get("/governance/secrets/STRIPE_KEY/").content.decode()
    assert "Rotate" in page

    given = {"value": "second value", "current_password": tenant_a.password}
    answer = browser.post("/governance/secrets/STRIPE_KEY/rotate/", given)

    assert answer.status_code == 302
    with tenant_scope(tenant_a.ref):
        assert secrets.resolve("$secret:STRIPE_KEY") == "second value"


@promise("how-to", "The Studio automatically masks secret values in the UI (showing ********).")
def test_secret_values_are_masked_in_the_ui(bench: Bench, tenant_a: Any, enter: Enter, scripted: Any) -> None:
    with tenant_scope(bench.ref):
        services.create_secret(name="KEY", value="canary-5d1e77", actor="system", now=now())
    scripted.script = staticmethod(lambda params, context: {"echo": f"used {params['key']}"})
    bench.publish(step("a", params={"key": {"$secret": "KEY"}}))
    bench.emit({})
    bench.work()
    run = bench.run()
    browser = enter(tenant_a)

    pages = [
        browser.get(path).content.decode()
        for path in (f"/runs/{run.pk}/?step=a&tab=input", f"/runs/{run.pk}/?step=a&tab=output", "/governance/secrets/")
    ]

    assert not [page for page in pages if "canary-5d1e77" in page]
    assert "********" in pages[1]


@promise(
    "how-to",
    'Never hardcode secrets in the "Config" JSON fields. Always use {"$secret": "KEY_NAME"}.',
)
def test_a_hard_coded_secret_is_pointed_out() -> None:
    from automate.definitions import find_problems

    def codes(value: Any) -> set[str]:
        params = {"url": "https://x.example/", "headers": {"Authorization": value}}
        given = step("a", "request", connector="http", params=params)
        definition = {"slug": "f", "name": "F", "trigger": {"type": "event", "event_type": "t"}, "steps": [given]}
        return {problem.code for problem in find_problems(definition)}

    assert "secret_value" in codes("Bearer sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc")
    assert "secret_value" not in codes({"$secret": "KEY_NAME"})


# -- the connector of the page -----------------------------------------------------------------------------------------


class SoapClient:
    """The on-premise system of the example."""

    def create_order(self, *, key: str, customer_id: str, items: list[Any]) -> Any:
        if not items:
            raise ValueError("no items")
        return type("Result", (), {"id": f"{customer_id}-{len(items)}-{key}"})


@pytest.fixture
def erp() -> Any:
    """The page's adapter, as its text makes it, registered and connected."""
    namespace: dict[str, Any] = {"__name__": "my_app.adapters"}
    exec(ADAPTER, namespace)
    made = namespace["LegacyERPAdapter"]
    made._soap_client = SoapClient()
    registry.register(made)
    yield made
    registry.unregister(made)


@promise("how-to", "Create a class inheriting from ConnectorAdapter.")
def test_the_pages_adapter_runs_word_for_word(erp: Any) -> None:
    adapter = erp()
    context = {"secrets": {"API_KEY": "k"}}

    assert adapter.execute("create_order", {"customer_id": "c", "items": [1]}, context) == {"order_id": "c-1-k"}
    with pytest.raises(NotImplementedError, match="Action cancel unknown"):
        adapter.execute("cancel", {}, context)
    assert isinstance(ast.parse(ADAPTER).body[-1], ast.ClassDef)


@promise("how-to", "Define the inputs/outputs for the UI")
def test_the_adapters_inputs_make_its_form(erp: Any) -> None:
    from automate_connectors.inputs import checked

    spec = erp.actions["create_order"]

    assert set(spec.inputs) == {"customer_id", "items"}
    assert checked(spec, {"customer_id": "c", "items": [1]}) == {"customer_id": "c", "items": [1]}
    with pytest.raises(ConnectorError, match="items"):
        checked(spec, {"customer_id": "c"})


@promise("how-to", "context['secrets'] is automatically populated based on SecretRefs")
def test_context_secrets_is_populated_from_the_steps_references(bench: Bench, erp: Any) -> None:
    with tenant_scope(bench.ref):
        services.create_secret(name="API_KEY", value="erp-k3y-value", actor="system", now=now())
    seen: list[str] = []

    class Recording(SoapClient):
        def create_order(self, *, key: str, customer_id: str, items: list[Any], **more: Any) -> Any:
            seen.append(key)
            return super().create_order(key="x", customer_id=customer_id, items=items)

    erp._soap_client = Recording()
    params = {"customer_id": "c", "items": [1], "auth": {"$secret": "API_KEY"}}
    definition = step("order", "create_order", connector="legacy_erp", params=params)
    erp.actions = {"create_order": type(erp.actions["create_order"])(inputs={}, open_inputs=True)}
    bench.publish(definition)
    bench.emit({})
    bench.work()

    assert seen == ["erp-k3y-value"]


@promise("how-to", "Wrap unknowns in NormalizedError")
def test_what_goes_wrong_inside_is_wrapped_and_retried(erp: Any) -> None:
    from automate_governance.errors import NormalizedError

    with pytest.raises(ConnectorError, match="ERP Failed: no items") as raised:
        erp().execute("create_order", {"customer_id": "c", "items": []}, {"secrets": {}})

    assert isinstance(raised.value, NormalizedError)
    assert raised.value.retryable


def in_a_project(folder: Path, files: dict[str, str], code: str) -> str:
    """What `code` prints in a Django project of its own with an app `my_app` of these files."""
    app = folder / "my_app"
    app.mkdir()
    for name, text in {"__init__.py": "", **files}.items():
        (app / name).write_text(text)
    setup = (
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=[THE_APP, 'automate'],"
        " DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3'}})\n"
        "import django; django.setup()\n"
    )
    app_name = "my_app.apps.MyAppConfig" if "apps.py" in files else "my_app"
    ran = subprocess.run(
        [sys.executable, "-c", setup.replace("THE_APP", repr(app_name)) + code],
        env={"PYTHONPATH": f"{ROOT / 'engine'}:{folder}", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


NAME = "from automate_connectors import registry\nprint(registry.get('legacy_erp').name)"


@promise("how-to", "Register specific adapters in your AppConfig or via entry_points. Method A: AppConfig")
def test_method_a_registers_in_the_app_config(tmp_path: Path) -> None:
    config = APP_CONFIG.replace("AppConfig):\n", "AppConfig):\n    name = 'my_app'\n")  # which Django itself demands

    assert in_a_project(tmp_path, {"adapters.py": ADAPTER, "apps.py": config}, NAME) == "Legacy ERP System"


@promise("how-to", "Method B: Decorator. @register_connector class LegacyERPAdapter...")
def test_method_b_registers_by_the_decorator(tmp_path: Path) -> None:
    importing, _, marking = DECORATOR.partition("\n")
    decorated = f"{importing}\n" + ADAPTER.replace("class LegacyERPAdapter", f"{marking}class LegacyERPAdapter")

    found = in_a_project(tmp_path, {"adapters.py": decorated}, "import my_app.adapters\n" + NAME)

    assert found == "Legacy ERP System"


# -- operations --------------------------------------------------------------------------------------------------------


@promise("how-to", "Increase Concurrency: Run more worker processes.")
def test_two_workers_share_the_work_and_repeat_none(bench: Bench, scripted: Any, at_once: Any, eventually: Any) -> None:
    both_at_work = threading.Barrier(2)

    def first_meet(params: Any, context: Any) -> Any:
        if params["n"] < 2:  # one job in each worker's hands, at the same time
            both_at_work.wait(timeout=90)
        return params

    scripted.script = staticmethod(first_meet)
    bench.publish(step("a", params={"n": "{{ payload.n }}"}))
    for n in range(30):
        bench.emit({"n": n})

    def all_done() -> bool:
        bench.work(batch_size=1)
        return len(scripted.calls) >= 30

    at_once(lambda: eventually(all_done), lambda: eventually(all_done))
    bench.work()

    assert not both_at_work.broken
    assert len(scripted.calls) == len({key for _, key, _ in scripted.calls}) == 30
    assert {run.status for run in bench.runs()} == {"succeeded"}


@promise(
    "how-to",
    "Batch Size: Increase EXECUTION_BATCH_SIZE in settings (Default: 10).",
    note="The setting is EXECUTION.batch_size, as the reference page has it",
)
def test_the_batch_size_is_a_setting_that_is_10(bench: Bench, settings: Any) -> None:
    given = settings.DJANGO_AUTOMATE
    settings.DJANGO_AUTOMATE = {name: value for name, value in given.items() if name != "EXECUTION"}
    assert claims_for(30, bench) == 3
    settings.DJANGO_AUTOMATE = {**given, "EXECUTION": {"batch_size": 100}}
    assert claims_for(30, bench) == 1


def claims_for(events: int, bench: Bench) -> int:
    """How many claims a worker as configured needs for so many."""
    import asyncio

    from automate.worker.loop import Worker, configured_options
    from automate_tenants.dispatch.store import DispatchStore

    for _ in range(events):
        bench.emit()
    worker = Worker(DispatchStore(), configured_options())
    try:
        return asyncio.run(worker.run_until_idle())
    finally:
        worker.close()


@promise(
    "how-to",
    "DB Optimization: Ensure you are using Postgres and SKIP LOCKED is enabled (Automatic on supported DBs).",
)
def test_skip_locked_is_chosen_by_itself_on_postgresql(db: None) -> None:
    from automate.host import SingleSchemaHost

    assert type(SingleSchemaHost().outbox()).__name__ == "PostgresStore"
    assert "SKIP LOCKED" in (ROOT / "engine" / "automate" / "sql" / "claim_outbox.sql").read_text()


@pytest.fixture
def failed(bench: Bench, tenant_a: Any, scripted: Any, enter: Enter) -> Any:
    """A run that failed at its second step, and the browser of the workspace's owner."""

    def fail(params: Any, context: Any) -> Any:
        if context["step_id"] == "second":
            raise ConnectorError("The ledger is closed.", code="ledger_closed", details={"ledger": 7})
        return {}

    scripted.script = staticmethod(fail)
    bench.publish(step("first"), step("second"))
    bench.emit()
    bench.work()
    return bench.run(), enter(tenant_a)


@promise("how-to", "Go to Execution Explorer.", note="The page Runs")
def test_the_execution_explorer_lists_runs(failed: Any) -> None:
    run, browser = failed

    assert f"/runs/{run.pk}/" in browser.get("/runs/").content.decode()


@promise("how-to", "Find the Failed run (Red status).")
def test_the_failed_run_is_found_by_its_red_status(failed: Any) -> None:
    run, browser = failed

    page = browser.get("/runs/?status=failed").content.decode()

    row = page[page.index(f"/runs/{run.pk}/") - 1500 : page.index(f"/runs/{run.pk}/") + 1500]
    assert re.search(r'class="[^"]*(bad|danger|failed)[^"]*"', row)


@promise("how-to", "Click the failed Step.")
def test_the_failed_step_is_a_link(failed: Any) -> None:
    run, browser = failed

    page = browser.get(f"/runs/{run.pk}/").content.decode()

    assert 'aria-label="Step second"' in page  # opened by itself
    assert "step=first" in page and "step=second" in page


@promise(
    "how-to",
    "View the Output/Error payload. It will contain the stack trace or error message provided by the connector.",
    note="The connector's message, code and details; stack traces stay in the log, where no tenant reads them",
)
def test_the_error_of_the_step_holds_the_connectors_message(failed: Any) -> None:
    run, browser = failed

    page = browser.get(f"/runs/{run.pk}/?step=second&tab=error").content.decode()

    assert "The ledger is closed." in page
    assert "ledger_closed" in page


@promise(
    "how-to",
    "Check the Audit Log link for the exact timestamp and context of the failure.",
    note="The run has the timestamps, the linked log who changed the workflow before",
)
def test_the_run_links_to_the_audit_log(failed: Any) -> None:
    run, browser = failed
    page = browser.get(f"/runs/{run.pk}/").content.decode()

    link = re.search(r'href="(/governance/audit/\?resource=workflow:[^"]+)"', page)

    assert link is not None
    log = browser.get(link[1]).content.decode()
    assert "workflow.publish" in log
    assert "datetime=" in log or "<time" in log
