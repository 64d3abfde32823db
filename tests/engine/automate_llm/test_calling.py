"""One call of a model, from the reservation to the ledger; however it ends, its money is accounted for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.utils import timezone

from automate_governance.redaction.current import masking, masking_emails
from automate_llm.calling import Ask, ask
from automate_llm.errors import (
    AnswerLost,
    BadAnswer,
    BudgetExceeded,
    InvalidRequest,
    ProviderFailed,
    Refused,
    UnknownPrice,
    UnknownProvider,
)
from automate_llm.models import Budget, CachedAnswer, LedgerEntry, Preferences
from automate_llm.providers import registry
from automate_llm.providers.base import LLMProvider
from automate_tenants.context import tenant_scope
from tests.engine.automate_llm.conftest import AskModel, a_run, only_entry, today
from tests.support.llm_server import KEY, LLMServer, Reply
from tests.support.waiting import Eventually
from tests.support.workspaces import Workspace


def test_a_call_costs_what_the_provider_counted(ask_model: AskModel, llm_server: LLMServer) -> None:
    llm_server.say = Reply(usage=(7, 12))
    caller = a_run()

    answered = ask_model(caller)

    entry = only_entry()
    assert (answered.completion.text, answered.cost_micros) == ("hello", 12_000)
    assert (entry.status, entry.cost_micros, entry.reserved_micros) == ("settled", 12_000, 100_000)
    assert (entry.input_tokens, entry.output_tokens, entry.usage_from) == (7, 12, "provider")
    assert (entry.run_id, entry.workflow_id, entry.step_id) == (caller.run_id, caller.workflow_id, "ask")
    assert (entry.version_id, entry.trace_id, entry.provider_request_id) == (
        caller.version_id,
        caller.trace_id,
        "req_stand_in",
    )
    counted = list(Budget.objects.order_by("scope").values_list("scope", "spent_micros", "reserved_micros"))
    assert counted == [("run", 12_000, 0), ("tenant", 12_000, 0), ("workflow", 12_000, 0)]


def test_the_money_is_set_aside_while_the_call_is_under_way(
    ask_model: AskModel, llm_server: LLMServer, spending: Workspace
) -> None:
    seen: list[tuple[int, str]] = []

    def look(asked: Any) -> Reply:
        with tenant_scope(spending.ref):
            seen.append((today().reserved_micros, only_entry().status))
        from django.db import connections

        connections.close_all()
        return Reply()

    llm_server.say = look
    ask_model(max_tokens=50)

    assert seen == [(50_000, "reserved")]


def test_missing_usage_is_counted_at_the_whole_reservation(ask_model: AskModel, llm_server: LLMServer) -> None:
    llm_server.say = Reply(usage=None)

    ask_model()

    entry = only_entry()
    assert (entry.cost_micros, entry.usage_from, entry.output_tokens) == (100_000, "reserved", None)
    assert today().spent_micros == 100_000


def test_a_provider_that_counts_more_than_allowed_is_an_overrun(ask_model: AskModel, llm_server: LLMServer) -> None:
    llm_server.say = Reply(usage=(7, 130))

    ask_model()

    assert (only_entry().cost_micros, only_entry().overrun_micros) == (130_000, 30_000)
    assert today().spent_micros == 130_000


@pytest.mark.parametrize(
    ("reply", "kind", "status", "spent"),
    [
        (Reply(status=400), Refused, "released", 0),
        (Reply(status=500), ProviderFailed, "unreconciled", 100_000),
        (Reply(raw=b"{"), BadAnswer, "unreconciled", 100_000),
        (Reply(hang=True), AnswerLost, "unreconciled", 100_000),
    ],
)
def test_a_failure_is_released_or_counted(
    reply: Reply, kind: type[Exception], status: str, spent: int, ask_model: AskModel, llm_server: LLMServer
) -> None:
    llm_server.say = reply

    with pytest.raises(kind):
        ask_model(timeout_seconds=0.4)

    assert (only_entry().status, today().spent_micros, today().reserved_micros) == (status, spent, 0)


def test_a_cancelled_call_is_counted(
    spending: Workspace, llm_server: LLMServer, eventually: Eventually, ask_model: AskModel
) -> None:
    llm_server.say = Reply(hang=True)

    async def cancelled() -> None:
        question = Ask(
            provider="openai_compatible",
            messages=[{"role": "user", "content": "?"}],
            options={"model": "stand-in-1", "base_url": llm_server.url, "api_key": KEY, "max_tokens": 100},
        )
        task = asyncio.ensure_future(ask(question))
        await asyncio.to_thread(llm_server.wait_for, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())

    eventually(lambda: only_entry().status == "unreconciled")
    assert only_entry().error_code == "interrupted:CancelledError"
    assert (today().spent_micros, today().reserved_micros) == (100_000, 0)


def test_over_the_cap_nothing_is_sent(ask_model: AskModel, llm_server: LLMServer) -> None:
    Preferences.objects.update(daily_cap_micros=150_000)
    llm_server.say = Reply(usage=(1, 100))
    ask_model()

    with pytest.raises(BudgetExceeded) as caught:
        ask_model()

    assert len(llm_server.asked) == 1
    details = caught.value.details
    assert (details["scope"], details["spent_usd"], details["cap_usd"], details["needed_usd"]) == (
        "tenant",
        "0.10",
        "0.15",
        "0.10",
    )
    assert details["resets_at"] is not None and caught.value.retry_after is not None
    assert (today().spent_micros, today().reserved_micros, LedgerEntry.objects.count()) == (100_000, 0, 1)


def test_the_installations_cap_holds_where_the_tenant_set_a_higher_one(
    ask_model: AskModel, settings: Any, llm_server: LLMServer
) -> None:
    given = settings.DJANGO_AUTOMATE
    settings.DJANGO_AUTOMATE = {**given, "POLICY": {**given["POLICY"], "llm_budget_daily": 0.05}}
    Preferences.objects.update(daily_cap_micros=10_000_000)

    with pytest.raises(BudgetExceeded) as caught:
        ask_model()
    assert (caught.value.details["cap_usd"], llm_server.asked) == ("0.05", [])


def test_a_workflow_and_a_run_have_caps_of_their_own(ask_model: AskModel, llm_server: LLMServer) -> None:
    from dataclasses import replace

    llm_server.say = Reply(usage=(1, 100))
    one = replace(a_run(), policy={"llm_budget_daily": 0.25, "llm_budget_run": 0.10})
    ask_model(one)

    with pytest.raises(BudgetExceeded) as of_run:
        ask_model(one)
    ask_model(replace(a_run(), workflow_id=one.workflow_id, policy=one.policy))
    with pytest.raises(BudgetExceeded) as of_workflow:
        ask_model(replace(a_run(), workflow_id=one.workflow_id, policy=one.policy))
    ask_model(a_run())  # another workflow goes on

    assert (of_run.value.details["scope"], of_run.value.retry_after) == ("run", None)
    assert (of_workflow.value.details["scope"], of_workflow.value.details["spent_usd"]) == ("workflow", "0.20")
    assert today().spent_micros == 300_000


@pytest.mark.parametrize("cap", [-1, "1", True, float("nan"), float("inf")])
def test_a_cap_that_is_no_amount_lets_nothing_through(cap: Any, ask_model: AskModel, llm_server: LLMServer) -> None:
    from dataclasses import replace

    with pytest.raises(InvalidRequest):
        ask_model(replace(a_run(), policy={"llm_budget_run": cap}))
    assert (llm_server.asked, LedgerEntry.objects.count()) == ([], 0)


def test_an_unknown_price_lets_nothing_through(ask_model: AskModel, llm_server: LLMServer) -> None:
    with pytest.raises(UnknownPrice):
        ask_model(model="nobody-knows")
    assert (llm_server.asked, LedgerEntry.objects.count()) == ([], 0)


def test_an_unknown_provider_is_named(spending: Workspace) -> None:
    with pytest.raises(UnknownProvider, match="nobody"):
        asyncio.run(ask(Ask("nobody", [{"role": "user", "content": "?"}], {"model": "x"})))


def test_a_kept_answer_costs_nothing_and_is_in_the_ledger(ask_model: AskModel, llm_server: LLMServer) -> None:
    llm_server.say = Reply(text="kept", usage=(7, 12))

    first = ask_model(prompt="same", cache_seconds=60)
    second = ask_model(prompt="same", cache_seconds=60)
    other = ask_model(prompt="other", cache_seconds=60)
    uncached = ask_model(prompt="same")

    assert [a.is_cached for a in (first, second, other, uncached)] == [False, True, False, False]
    assert (second.completion, second.cost_micros) == (first.completion, 0)
    assert len(llm_server.asked) == 3
    entry = LedgerEntry.objects.get(usage_from="cache")
    assert (entry.status, entry.cost_micros, entry.reserved_micros) == ("settled", 0, 0)
    assert b"kept" not in b"".join(bytes(row.sealed) for row in CachedAnswer.objects.all())


def test_a_kept_answer_ends_with_its_time(ask_model: AskModel, llm_server: LLMServer) -> None:
    ask_model(cache_seconds=60)
    CachedAnswer.objects.update(expires_at=timezone.now())

    assert not ask_model(cache_seconds=60).is_cached
    assert len(llm_server.asked) == 2


def test_prompts_are_kept_only_where_the_tenant_says_so_and_redacted(
    ask_model: AskModel, llm_server: LLMServer
) -> None:
    llm_server.say = Reply(text="Your card 4111 1111 1111 1111 is fine.")

    ask_model(prompt="My card is 4111 1111 1111 1111.")
    assert (only_entry().prompt, only_entry().answer) == (None, None)
    Preferences.objects.update(keeps_prompts=True)
    ask_model(prompt="My card is 4111 1111 1111 1111.")

    kept = LedgerEntry.objects.order_by("pk").last()
    assert kept is not None
    assert "My card is" in str(kept.prompt) and "is fine" in str(kept.answer)
    assert "4111" not in f"{kept.prompt} {kept.answer}"


class Echo(LLMProvider):
    """A plugin with the bare contract."""

    code = "echo"
    default_base_url = "http://echo.example"

    def chat(self, messages: list[Any], options: dict[str, Any]) -> str:
        return f"{options['model']}: {messages[-1]['content']}"

    def count_tokens(self, text: str) -> int:
        return len(text)


def test_a_plugin_with_the_bare_contract_is_counted_at_its_reservation(spending: Workspace) -> None:
    registry.register(Echo)

    answered = asyncio.run(
        ask(Ask("echo", [{"role": "user", "content": "hi"}], {"model": "stand-in-1", "max_tokens": 20}))
    )

    assert (answered.completion.text, answered.cost_micros) == ("stand-in-1: hi", 20_000)
    assert only_entry().usage_from == "reserved"


def test_a_neighbour_sees_nothing(ask_model: AskModel, tenant_b: Workspace) -> None:
    ask_model(cache_seconds=60)

    with tenant_scope(tenant_b.ref):
        assert not LedgerEntry.objects.exists()
        assert not Budget.objects.exists()
        assert not CachedAnswer.objects.exists()


def test_a_kept_prompt_is_masked_as_the_run_is(ask_model: AskModel, llm_server: LLMServer) -> None:
    """By its policy, and by every secret that the run has used: the ledger is written in another thread."""
    Preferences.objects.update(keeps_prompts=True)
    llm_server.say = Reply(text="Written to ann@example.com with canary-77f0.")

    with masking_emails(), masking(["canary-77f0"]):
        ask_model(prompt="Write to ann@example.com with canary-77f0.")

    kept = only_entry()
    assert kept.prompt is not None
    assert "Write to ******** with ********." in str(kept.prompt)
    assert kept.answer == "Written to ******** with ********."
