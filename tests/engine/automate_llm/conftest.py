"""A tenant whose model is the stand-in: one output token costs a thousandth of a dollar, input is free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from automate_llm.budgets.ledger import Caller
from automate_llm.calling import Answered, Ask, ask
from automate_llm.models import Budget, CachedAnswer, LedgerEntry, Preferences
from automate_llm.signals import budget_alert
from automate_tenants.context import tenant_scope
from tests.support.llm_server import KEY, LLMServer
from tests.support.workspaces import Workspace

PRICE = {"model": "stand-in-1", "input": 0, "output": 1000}  # dollars per million tokens: 0.001 for one
AskModel = Callable[..., Answered]


@pytest.fixture
def tenant(tenant_a: Workspace, django_db_blocker: Any) -> Iterator[Workspace]:
    """Inside the tenant's scope, with what commits: calls run in threads. Only the LLM tables are written, and emptied.

    Nobody hears of alerts here: those who do would write elsewhere.
    """
    receivers, budget_alert.receivers = budget_alert.receivers, []
    budget_alert.sender_receivers_cache.clear()
    with django_db_blocker.unblock(), tenant_scope(tenant_a.ref):
        yield tenant_a
        for model in (LedgerEntry, Budget, CachedAnswer, Preferences):
            model.objects.all().delete()
    budget_alert.receivers = receivers
    budget_alert.sender_receivers_cache.clear()


@pytest.fixture
def spending(tenant: Workspace, llm_server: LLMServer, settings: Any) -> Workspace:
    """With a price for the stand-in's model, and its address allowed."""
    given = settings.DJANGO_AUTOMATE
    settings.DJANGO_AUTOMATE = {**given, "POLICY": {"private_targets": [llm_server.target]}}
    Preferences.objects.create(prices=[PRICE], updated_at=timezone.now())
    return tenant


@pytest.fixture
def ask_model(spending: Workspace, llm_server: LLMServer) -> AskModel:
    """`ask_model(max_tokens=100)`: one call, whole."""

    def call(caller: Caller | None = None, *, prompt: str = "?", cache_seconds: float = 0, **options: Any) -> Answered:
        question = Ask(
            provider="openai_compatible",
            messages=[{"role": "user", "content": prompt}],
            options={"model": "stand-in-1", "base_url": llm_server.url, "api_key": KEY, "max_tokens": 100, **options},
            caller=caller or Caller(),
            cache_seconds=cache_seconds,
        )
        return asyncio.run(ask(question))

    return call


def a_run() -> Caller:
    return Caller(workflow_id=uuid4(), version_id=uuid4(), run_id=uuid4(), step_id="ask", trace_id=uuid4())


def today() -> Budget:
    return Budget.objects.get(scope="tenant")


def only_entry() -> LedgerEntry:
    return LedgerEntry.objects.get()
