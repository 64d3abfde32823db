"""One call of a model, whole: price → caps → reserve → send → settle → record. The only way to a provider.

Nothing is sent before its money is set aside and committed. However the call ends (an answer, an error, a cancelled
step, a dead process), its reservation is settled, released or counted as spent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from automate_governance.clock import Clock, SystemClock
from automate_governance.egress import Egress, default_policy
from automate_governance.errors import NormalizedError
from automate_governance.redaction import redact
from automate_governance.redaction.current import current_values
from automate_governance.storable import storable
from automate_llm import caching, config, host
from automate_llm.budgets import ledger
from automate_llm.budgets.caps import find_caps
from automate_llm.budgets.ledger import Caller, Intent
from automate_llm.completion import Completion
from automate_llm.database import finished, in_database, submit
from automate_llm.errors import AnswerLost, BadAnswer, InvalidRequest, LLMError
from automate_llm.host import Scope
from automate_llm.models import LedgerEntry, Preferences
from automate_llm.prices import Price, Usage, find_price
from automate_llm.providers import registry
from automate_llm.providers.base import IsAsync, LLMProvider, TellsUsage
from automate_llm.request import ChatRequest, parse_request, parse_timeout

KEPT_CHARACTERS = 100_000  # of a prompt or an answer in the ledger


@dataclass(frozen=True)
class Ask:
    """What to ask whom. `options`: as `LLMProvider`'s. `cache_seconds`: 0 keeps nothing and looks for nothing."""

    provider: str
    messages: list[Any]
    options: Mapping[str, Any]
    action: str = "chat"
    cache_seconds: float = 0.0
    caller: Caller = field(default_factory=Caller)
    owner: object = None  # whose rows: a step's `pool_key`; None for whoever is current
    egress: Egress | None = None
    secret_values: tuple[str, ...] = ()  # masked in what is kept


@dataclass(frozen=True)
class Answered:
    """The answer, what it cost, and its row in the ledger."""

    completion: Completion
    entry_id: UUID
    cost_micros: int
    is_cached: bool = False


async def ask(question: Ask, *, clock: Clock | None = None) -> Answered:
    """Call the model. Raises LLMError; every error says by its class what became of the money."""
    return await _Call(question, clock or SystemClock()).run()


class _Call:
    """The state of one call between its database hops."""

    def __init__(self, question: Ask, clock: Clock):
        self._ask = question
        self._clock = clock
        self._scope: Scope = host.current().scope(question.owner)
        self._provider: LLMProvider = registry.get(question.provider)
        self._request: ChatRequest = parse_request(question.messages, question.options)
        self._base_url = str(question.options.get("base_url") or self._provider.default_base_url)
        self._timeout_seconds = parse_timeout(question.options, config.llm().timeout_seconds)
        self._cache_key = ""
        if question.cache_seconds > 0:
            self._cache_key = caching.key_of(question.provider, self._base_url, self._request)

    async def run(self) -> Answered:
        beginning = submit(self._scope, self._begin)
        try:
            begun = await finished(beginning)
        except asyncio.CancelledError:
            beginning.add_done_callback(self._undo)
            raise
        if isinstance(begun, Answered):
            return begun
        entry, price = begun
        try:
            completion = await self._send()
        except LLMError as error:
            await in_database(self._scope, partial(self._failed, entry, error))
            raise
        except BaseException as error:  # a step's time limit, a worker that stops, a fault of a plugin
            submit(self._scope, partial(self._lost, entry, type(error).__name__))
            raise
        # Submitted before it is awaited: a cancellation from here on cannot lose what the answer cost.
        settling = submit(self._scope, partial(self._settle, entry, price, completion))
        return await finished(settling)

    # -- in the database -------------------------------------------------------------------------------------------

    def _begin(self) -> tuple[LedgerEntry, Price] | Answered:
        now = self._clock.now()
        preferences = Preferences.objects.first()
        zone = host.current().time_zone()
        if self._cache_key and (kept := caching.find(self._cache_key, now=now)) is not None:
            return self._from_cache(kept, preferences, zone=zone)
        rows = [*(preferences.prices if preferences else ()), *config.llm().prices]
        price = find_price(host=urlsplit(self._base_url).hostname or "", model=self._request.model, rows=rows)
        amount = price.ceiling_micros(
            input_tokens=self._request.input_ceiling(), output_tokens=self._request.max_tokens
        )
        caps = find_caps(preferences, self._ask.caller.policy)
        intent = self._intent(amount, preferences, price.row)
        return ledger.reserve(self._ask.caller, intent, caps=caps, zone=zone, now=now), price

    def _intent(self, amount: int, preferences: Preferences | None, price: Mapping[str, Any]) -> Intent:
        keeps = preferences is not None and preferences.keeps_prompts
        return Intent(
            action=self._ask.action,
            provider=self._ask.provider,
            model=self._request.model,
            amount_micros=amount,
            timeout_seconds=self._timeout_seconds,
            price=price,
            prompt=self._shown(self._ask.messages) if keeps else None,
        )

    def _from_cache(self, kept: Completion, preferences: Preferences | None, *, zone: str) -> Answered:
        """A kept answer costs nothing, and is in the ledger like any other."""
        now = self._clock.now()
        entry = ledger.new_entry(self._ask.caller, self._intent(0, preferences, {}), zone=zone, now=now)
        entry.status, entry.usage_from, entry.ended_at = LedgerEntry.Status.SETTLED, LedgerEntry.UsageFrom.CACHE, now
        entry.finish_reason = kept.finish_reason
        if entry.prompt is not None:
            entry.answer = self._shown(kept.text)
        entry.save(force_insert=True)
        return Answered(kept, entry.pk, 0, is_cached=True)

    def _settle(self, entry: LedgerEntry, price: Price, completion: Completion) -> Answered:
        now, usage = self._clock.now(), completion.usage
        cost = price.cost_micros(usage) if usage is not None else entry.reserved_micros
        facts: dict[str, Any] = {
            "finish_reason": completion.finish_reason[:40],
            "provider_request_id": str(storable(completion.request_id))[:200],
            "usage_from": LedgerEntry.UsageFrom.PROVIDER if usage else LedgerEntry.UsageFrom.RESERVED,
            **_tokens(usage),
        }
        if entry.prompt is not None:
            facts["answer"] = self._shown(completion.text)
        ledger.settle(entry.pk, cost_micros=cost, now=now, **facts)
        if self._cache_key and completion.finish_reason in ("stop", "tool_calls"):
            caching.keep(self._cache_key, completion, seconds=self._ask.cache_seconds, now=now)
        return Answered(completion, entry.pk, cost)

    def _failed(self, entry: LedgerEntry, error: LLMError) -> None:
        end = ledger.doubt if error.is_billed else ledger.release
        end(entry.pk, now=self._clock.now(), error_code=error.code[:60])

    def _undo(self, begun: Future[tuple[LedgerEntry, Price] | Answered]) -> None:
        """Cancelled while the money was being set aside: nothing was sent, so it is free again."""
        if not begun.cancelled() and begun.exception() is None and isinstance(found := begun.result(), tuple):
            release = partial(ledger.release, found[0].pk, now=self._clock.now(), error_code="cancelled")
            submit(self._scope, release)

    def _lost(self, entry: LedgerEntry, cause: str) -> None:
        with suppress(NormalizedError):
            ledger.doubt(entry.pk, now=self._clock.now(), error_code=f"interrupted:{cause}"[:60])

    def _shown(self, value: Any) -> Any:
        shown = redact(storable(value), (*self._ask.secret_values, *current_values()))
        return shown if len(str(shown)) <= KEPT_CHARACTERS else str(shown)[:KEPT_CHARACTERS] + "…"

    # -- to the provider -------------------------------------------------------------------------------------------

    async def _send(self) -> Completion:
        options = {
            **self._ask.options,
            "base_url": self._base_url,
            "max_tokens": self._request.max_tokens,
            "timeout_seconds": self._timeout_seconds,
            "egress": self._ask.egress or Egress(default_policy()),
        }
        messages = list(self._ask.messages)
        if isinstance(self._provider, IsAsync):
            return _checked(await self._provider.acomplete(messages, options))
        work = partial(
            self._provider.complete if isinstance(self._provider, TellsUsage) else self._chat, messages, options
        )
        try:
            return _checked(await asyncio.wait_for(asyncio.to_thread(work), self._timeout_seconds))
        except asyncio.TimeoutError:
            raise AnswerLost("The provider did not answer in time.") from None

    def _chat(self, messages: list[Any], options: dict[str, Any]) -> Completion:
        """A provider with the bare contract: its answer tells no usage."""
        text = self._provider.chat(messages, options)
        return Completion(text=text, model=self._request.model, finish_reason="stop", usage=None)


def _checked(completion: object) -> Completion:
    if not isinstance(completion, Completion) or not isinstance(completion.text, str):
        raise BadAnswer("The provider's plugin gave no text.")
    return completion


def _tokens(usage: Usage | None) -> dict[str, int | None]:
    return {
        "input_tokens": usage.input_tokens if usage else None,
        "cached_tokens": usage.cached_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
    }


__all__ = ["Answered", "Ask", "InvalidRequest", "ask"]
