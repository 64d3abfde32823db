"""Raw step inputs and outputs: what the step really had, on record; a secret's value is masked in it, come what may."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from automate.models import AuditLogEntry, ExecutionRun, RunState, StepRun
from automate.services import retries
from automate.services.raw_steps import DIFFERS, GONE, UNMASKABLE, RawStep, reveal_step
from automate.services.secrets import create_secret
from automate_governance.errors import Conflict, NotFound
from automate_governance.redaction import MASK
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, bench, scripted, step

__all__ = ["bench", "scripted"]  # the fixtures
PASSWORD, SECRET = "pass-of-the-customer", "sk-canary-of-the-workspace-41"


def now() -> datetime:
    return datetime.now(timezone.utc)


def reveal(bench: Bench, step_id: str, item: int = 0) -> RawStep:
    with tenant_scope(bench.ref):
        attempt = StepRun.objects.filter(step_id=step_id, item=item).latest("attempt")
        return reveal_step(run_id=attempt.run_id, step_run_id=attempt.pk, actor="user:1", now=now())


@pytest.fixture
def ran(bench: Bench, scripted: Any) -> Bench:
    """A run with a password in its event, and a step that gives its secret back, spelt in several ways."""

    def script(params: dict[str, Any], context: dict[str, Any]) -> Any:
        if context["step_id"] == "fails":
            raise ValueError("no")
        return {"password": params.get("password"), "echo": f"{params.get('k')} {SECRET.encode().hex()}", "n": 7}

    scripted.script = staticmethod(script)
    with tenant_scope(bench.ref):
        create_secret(name="KEY", value=SECRET, actor="system", now=now())
    bench.publish(
        step("a", params={"password": "{{ payload.password }}", "k": {"$secret": "KEY"}}),
        step("b", params={"password": "{{ steps.a.output.password }}", "text": "{{ steps.a.output.echo }}"}),
        step("each", params={"password": "{{ item }}"}, foreach={"items": ["{{ payload.password }}", "x"]}),
        step("fails", params={"password": "{{ payload.password }}"}, retry={"attempts": 1}, on_error="continue"),
    )
    bench.emit({"password": PASSWORD})
    bench.work()
    return bench


def test_inputs_and_outputs_are_those_the_step_had_and_secrets_stay_masked(ran: Bench) -> None:
    a, b = reveal(ran, "a"), reveal(ran, "b")

    assert a.attempt.input == {"password": MASK, "k": {"$secret": "KEY"}}  # as shown to everybody
    assert (a.input.value, a.input.note) == ({"password": PASSWORD, "k": {"$secret": "KEY"}}, "")
    assert a.output.value == {"password": PASSWORD, "echo": f"{MASK} {MASK}", "n": 7}
    assert (b.input.value, b.input.note) == ({"password": PASSWORD, "text": f"{MASK} {MASK}"}, "")
    assert SECRET not in str([a, b])
    assert SECRET.encode().hex() not in str([a, b])


def test_items_and_failed_attempts_have_their_inputs_too(ran: Bench) -> None:
    assert reveal(ran, "each").input.value == {"items": [PASSWORD, "x"]}
    assert reveal(ran, "each", item=1).input.value == {"password": PASSWORD}
    failed = reveal(ran, "fails")
    assert failed.input.value == {"password": PASSWORD}
    assert (failed.output.is_known, failed.output.note) == (False, "This attempt gave no output.")


def test_each_look_is_on_record(ran: Bench) -> None:
    found = reveal(ran, "a")

    with tenant_scope(ran.ref):
        [entry] = AuditLogEntry.objects.filter(action="step.view_raw")
    assert (entry.actor, entry.resource) == ("user:1", f"run:{found.attempt.run_id}")
    assert entry.details == {"step": "a", "item": 0, "attempt": 1}


def test_nothing_is_opened_once_the_secrets_of_the_run_are_forgotten(ran: Bench) -> None:
    with tenant_scope(ran.ref):
        RunState.objects.all().delete()

    found = reveal(ran, "a")

    assert (found.input.is_known, found.output.is_known) == (False, False)
    assert found.input.note == found.output.note == UNMASKABLE


def test_what_is_gone_says_so_and_what_differs_too(ran: Bench) -> None:
    with tenant_scope(ran.ref):
        StepRun.objects.filter(step_id="b").update(sealed=None, input={"password": "other"})

    found = reveal(ran, "b")

    assert (found.output.is_known, found.output.note) == (False, GONE)
    assert (found.input.is_known, found.input.note) == (True, DIFFERS)


def test_an_attempt_of_another_run_is_not_found(ran: Bench) -> None:
    with tenant_scope(ran.ref), pytest.raises(NotFound):
        attempt = StepRun.objects.filter(step_id="a").get()
        reveal_step(run_id=attempt.pk, step_run_id=attempt.pk, actor="user:1", now=now())


def test_a_retry_takes_nothing_over_that_it_could_not_mask_any_more(ran: Bench) -> None:
    """What the kept steps gave holds the secret; the steps that run again would show it."""
    with tenant_scope(ran.ref):
        run = ExecutionRun.objects.get()
        RunState.objects.all().delete()
        with pytest.raises(Conflict, match="are forgotten"):
            retries.retry_run(run_id=run.pk, from_step="b", actor="user:1", now=now())
        made = retries.retry_run(run_id=run.pk, from_step="start", actor="user:1", now=now())

    assert made.retry_of == run.pk
