"""`mask_emails`: steps work with the real addresses, and nothing that is written or shown of them has one."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import pytest

from automate import host
from automate.models import AuditLogEntry, ExecutionRun, RunWait, StepRun
from automate.policy import save_policy, stored_policy
from automate.services import audit
from automate_governance.logs import SimpleFormatter
from automate_governance.redaction import MASK, redact_text
from automate_governance.redaction.current import mask_emails_everywhere
from automate_tenants import installation
from automate_tenants.context import TenantRef, public_scope, tenant_scope
from automate_tenants.dispatch.store import DispatchStore
from automate_tenants.models import Tenant
from automate_tenants.provisioning import provision, ref
from tests.engine.automate.execution.conftest import Bench, bench, scripted, step

__all__ = ["bench", "scripted"]  # the fixtures
ADDRESS = "ann.lee@example.com"


def set_policy(bench: Bench, **document: Any) -> None:
    with tenant_scope(bench.ref):
        revision, now = stored_policy().revision, datetime.now(timezone.utc)
        save_policy(document=document, expected_revision=revision, actor="user:1", now=now)


def shown(bench: Bench) -> str:
    """Every column of what is kept of runs to be looked at."""
    with tenant_scope(bench.ref):
        rows = [*StepRun.objects.values(), *ExecutionRun.objects.values(), *RunWait.objects.values()]
    return json.dumps(rows, default=str, ensure_ascii=False)


def work_through(bench: Bench, scripted: Any) -> list[str]:
    """A run whose steps take an address in, give it back, log it and fail with it; what the connector was given."""
    given: list[str] = []

    def script(params: dict[str, Any], context: dict[str, Any]) -> Any:
        given.append(params["to"])
        context["log"]("info", f"writing to {params['to']}")
        if context["step_id"] == "c":
            raise ValueError(f"no mailbox for {params['to']}")
        return {"sent_to": params["to"], "items": [params["to"]]}

    scripted.script = staticmethod(script)
    bench.emit({"customer": {"email": ADDRESS}})
    bench.work()
    return given


STEPS = (
    step("a", params={"to": "{{ payload.customer.email }}"}),
    step("b", params={"to": "{{ item }}"}, foreach={"items": "{{ steps.a.output['items'] }}"}),
    step("c", params={"to": "{{ steps.a.output.sent_to }}"}, retry={"attempts": 1}),
)


@pytest.mark.parametrize("layer", ["tenant", "workflow"])
def test_a_run_works_with_addresses_and_shows_none(bench: Bench, scripted: Any, layer: str) -> None:
    bench.publish(*STEPS, **({"policy": {"mask_emails": True}} if layer == "workflow" else {}))
    if layer == "tenant":
        set_policy(bench, mask_emails=True)

    given = work_through(bench, scripted)

    assert given == [ADDRESS] * 3
    assert [one.status for one in bench.steps() if one.step_id == "c"] == ["failed"]
    assert ADDRESS not in shown(bench)
    assert f"writing to {MASK}" in shown(bench)
    assert f"no mailbox for {MASK}" in shown(bench)


def test_without_the_rule_they_are_shown(bench: Bench, scripted: Any) -> None:
    bench.publish(*STEPS)

    work_through(bench, scripted)

    assert f"no mailbox for {ADDRESS}" in shown(bench)


def test_audit_entries_are_masked_whoever_writes_them(bench: Bench) -> None:
    def record() -> Any:
        now = datetime.now(timezone.utc)
        return audit.record(actor="system", action="test", resource="x", details={"to": ADDRESS}, now=now).details

    worker_ref = TenantRef(bench.ref.id, bench.ref.schema_name, slug="")  # as the dispatch makes it
    with tenant_scope(worker_ref):
        before = record()
    set_policy(bench, mask_emails=True)
    request_ref = ref(Tenant.objects.get(pk=bench.ref.id))
    with tenant_scope(worker_ref):
        by_worker = record()
    with tenant_scope(request_ref):
        by_request = record()
        kept = list(AuditLogEntry.objects.filter(action="test").order_by("id").values_list("details", flat=True))

    assert request_ref.masks_emails is True
    assert before == {"to": ADDRESS}
    assert by_worker == by_request == {"to": MASK}
    assert kept == [{"to": ADDRESS}, {"to": MASK}, {"to": MASK}]


def test_the_installations_word_is_every_workspaces_and_nobodys_to_take_back(bench: Bench, settings: Any) -> None:
    def marks() -> set[bool | None]:
        with public_scope():
            return set(Tenant.objects.values_list("masks_emails", flat=True))

    set_policy(bench, mask_emails=False)
    without = settings.DJANGO_AUTOMATE
    settings.DJANGO_AUTOMATE = {**without, "POLICY": {"mask_emails": True}}
    installation._copy_policies(except_for=set())  # as `automate migrate` does
    with public_scope():
        born = provision(name="Born", slug="born-under-it", now=datetime.now(timezone.utc))
    masked = marks()
    with tenant_scope(bench.ref):
        assert host.current().masks_emails()
    settings.DJANGO_AUTOMATE = without
    installation._copy_policies(except_for=set())

    assert born.masks_emails is True
    assert masked == {True}
    assert marks() == {False}


def test_a_process_of_such_an_installation_masks_wherever_it_writes() -> None:
    mask_emails_everywhere(True)
    try:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(redact_text, f"to {ADDRESS}").result() == f"to {MASK}"
    finally:
        mask_emails_everywhere(False)


@pytest.mark.parametrize("layer", ["tenant", "workflow"])
def test_lines_logged_in_database_threads_are_masked(
    bench: Bench, scripted: Any, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    write = DispatchStore.write

    def logging_write(self: DispatchStore, *args: Any, **kwargs: Any) -> bool:
        lines.append(SimpleFormatter().format(logging.makeLogRecord({"msg": f"cannot write {ADDRESS}"})))
        return write(self, *args, **kwargs)

    monkeypatch.setattr(DispatchStore, "write", logging_write)
    bench.publish(*STEPS, **({"policy": {"mask_emails": True}} if layer == "workflow" else {}))
    if layer == "tenant":
        set_policy(bench, mask_emails=True)

    work_through(bench, scripted)

    assert lines
    assert not [line for line in lines if f"cannot write {MASK}" not in line]
