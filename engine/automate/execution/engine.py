"""The execution engine: what a worker hands its claims to.

Keeps, per tenant, the rules of the active versions, and loads them again only when the claim's config token has changed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from typing import TypeVar

from automate.execution.advance import Advancer
from automate.execution.batch import Batch
from automate.execution.match import RuleEngine
from automate.outbox.store import Claim, OutboxStore
from automate_governance.clock import Clock, SystemClock

Answer = TypeVar("Answer")
CACHED_SCOPES = 2_000  # tenants whose rules a worker keeps in memory


class ExecutionEngine:
    """Turns claims into recorded runs. One per worker; `connectors` and `database` are its thread pools."""

    def __init__(
        self,
        store: OutboxStore,
        *,
        connectors: Executor,
        database: Executor,
        clock: Clock | None = None,
        must_stop: Callable[[], bool] = lambda: False,
    ):
        self._store = store
        self._database = database
        self._clock = clock or SystemClock()
        self._advancer = Advancer(threads=connectors, clock=self._clock)
        self._must_stop = must_stop
        self._rules: OrderedDict[Hashable, tuple[Hashable, RuleEngine]] = OrderedDict()

    async def open(self, claim: Claim) -> Batch:
        """The claim as a batch, ready to be processed."""
        rules = await self._rules_of(claim)
        data_key = await self.in_database(lambda: self._store.data_key(claim))
        return Batch(
            claim,
            store=self._store,
            rules=rules,
            advancer=self._advancer,
            clock=self._clock,
            data_key=data_key,
            in_database=self.in_database,
            must_stop=self._must_stop,
        )

    async def in_database(self, work: Callable[[], Answer]) -> Answer:
        """Run a blocking database call in a thread that keeps its own connection."""
        return await asyncio.get_running_loop().run_in_executor(self._database, work)

    async def _rules_of(self, claim: Claim) -> RuleEngine:
        cached = self._rules.get(claim.scope)
        if cached is not None and cached[0] == claim.config_token:
            self._rules.move_to_end(claim.scope)
            return cached[1]
        rules = RuleEngine(await self.in_database(lambda: self._store.active_versions(claim)))
        self._rules[claim.scope] = (claim.config_token, rules)
        while len(self._rules) > CACHED_SCOPES:
            self._rules.popitem(last=False)
        return rules
