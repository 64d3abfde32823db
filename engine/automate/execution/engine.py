"""The execution engine: what a worker hands its claims to.

Keeps, per tenant, the rules of the active versions, and loads them again only when the claim's config token has
changed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from automate.execution.advance import Advancer
from automate.execution.attempt import Attempts
from automate.execution.batch import Batch
from automate.execution.match import RuleEngine
from automate.execution.processes import Processes
from automate.execution.recycling import Recycled
from automate.execution.secrets import SecretReader
from automate.execution.threads import ConnectorThreads
from automate.outbox.store import Claim, OutboxStore
from automate.policy import Guard, Policy, effective_policy, workflow_rules
from automate_governance.clock import Clock, SystemClock

Answer = TypeVar("Answer")
CACHED_SCOPES = 2_000  # tenants whose rules a worker keeps in memory


class ExecutionEngine:
    """Turns claims into recorded runs. One per worker; `connectors` and `database` are its thread pools."""

    def __init__(
        self,
        store: OutboxStore,
        *,
        connectors: ConnectorThreads | Processes,
        database: Executor,
        clock: Clock | None = None,
        must_stop: Callable[[], bool] = lambda: False,
    ):
        self._store = store
        self._database = database
        self._recycled = Recycled()
        self._clock = clock or SystemClock()
        self._secrets = SecretReader(store, self.in_database)
        attempts = Attempts(threads=connectors, clock=self._clock, secrets=self._secrets)
        self._advancer = Advancer(attempts=attempts, clock=self._clock)
        self._must_stop = must_stop
        self._cache: OrderedDict[Hashable, tuple[Hashable, RuleEngine, bytes, Guard]] = OrderedDict()

    async def open(self, claim: Claim, *, on_slow: Callable[[], None] = lambda: None) -> Batch:
        """The claim as a batch, ready to be processed."""
        rules, data_key, guard = await self._prepared(claim)
        return Batch(
            claim,
            store=self._store,
            rules=rules,
            advancer=self._advancer,
            guard=guard,
            clock=self._clock,
            data_key=data_key,
            in_database=self.in_database,
            must_stop=self._must_stop,
            on_slow=on_slow,
        )

    async def in_database(self, work: Callable[[], Answer]) -> Answer:
        """Run a blocking database call in a thread that keeps its own connection. What is to be masked here, and the
        trace of what is logged, hold there too.
        """
        run = partial(copy_context().run, self._recycled, work)
        return await asyncio.get_running_loop().run_in_executor(self._database, run)

    async def _prepared(self, claim: Claim) -> tuple[RuleEngine, bytes, Guard]:
        """The rules of the claim's tenant, the key of its state and its policy, loaded when its configuration has
        changed.
        """
        cached = self._cache.get(claim.scope)
        if cached is not None and cached[0] == claim.config_token:
            self._cache.move_to_end(claim.scope)
            return cached[1:]
        self._secrets.forget(claim.scope)
        known = cached[1].known if cached is not None else {}
        versions, halted, data_key, policy = await self.in_database(
            lambda: (
                self._store.active_versions(claim, known.keys()),
                self._store.halted(claim),
                self._store.data_key(claim),
                self._policy(claim),
            )
        )
        rules = RuleEngine(versions, halted=halted, known=known)
        inside = partial(self._store.entered, claim.scope)
        own = {version.id: workflow_rules(version.options.get("policy")) for version in versions}
        guard = Guard(policy, scope=claim.scope, in_database=self.in_database, inside=inside, rules=own)
        self._cache[claim.scope] = (claim.config_token, rules, data_key, guard)
        while len(self._cache) > CACHED_SCOPES:
            self._cache.popitem(last=False)
        return rules, data_key, guard

    def _policy(self, claim: Claim) -> Policy:
        with self._store.entered(claim.scope):
            return effective_policy()
