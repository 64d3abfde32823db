"""Policy at the side of a worker: asked once for each attempt of a step, and before each of its outbound calls.

One `Guard` per workspace and configuration: a change of policy makes a new one. What it blocks is counted in memory and
written in the background; the step's own error says the rest. A worker that dies loses at most a second of counts.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from automate.models import WorkflowVersion
from automate.policy import outbound
from automate.policy.blocked import Block, count_blocks
from automate.policy.decision import ALLOW, Decision, deny
from automate.policy.effective import Layer, Policy, merge
from automate.policy.rules import Rules, find_policy_problems, parse
from automate_governance.egress import Egress, EgressPaced, Target

_COUNTED = ("connector_not_allowed", "outbound_rate_limited", "concurrency_limited", "runs_limited")
IN_PLACE_SECONDS = 2.0  # a first call that must wait longer gives its worker back
WRITE_SECONDS = 1.0

InDatabase = Callable[[Callable[[], Any]], Awaitable[Any]]


class Guard:
    """What one workspace's steps may do.

    `inside` enters the workspace for the ORM; `in_database` runs blocking work in a thread; `rules` are those of
    versions known already.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        scope: object = None,
        in_database: InDatabase,
        inside: Callable[[], AbstractContextManager[Any]],
        rules: Mapping[UUID, Rules | None] | None = None,
    ):
        self.policy = policy
        self._scope = scope
        self._in_database = in_database
        self._inside = inside
        self._line = outbound.Line(self._in_workspace)
        self._rules: dict[UUID, Rules | None] = dict(rules or {})
        self._own: dict[UUID, Policy] = {}  # of versions that have rules
        # Whether any layer of any workflow known here masks addresses: for log lines that may be about several runs.
        self.masks_emails_somewhere = policy.mask_emails is not None or any(
            own is not None and own.mask_emails for own in self._rules.values()
        )
        self._blocks: Counter[Block] = Counter()
        self._latest_runs: dict[Block, UUID] = {}
        self._written_at = 0.0
        self._writing: asyncio.Task[None] | None = None

    async def policy_of(self, workflow_id: UUID, version_id: UUID) -> Policy:
        """The policy with the version's own rules below it; a run keeps those it started with."""
        if version_id not in self._rules:
            self._rules[version_id] = await self._in_workspace(lambda: version_rules(version_id))
        rules = self._rules[version_id]
        if rules is None:
            return self.policy
        self.masks_emails_somewhere = self.masks_emails_somewhere or rules.mask_emails
        if version_id not in self._own:
            self._own[version_id] = _with_workflow(self.policy, workflow_id, rules)
        return self._own[version_id]

    def check_step(self, policy: Policy, connector: str, action: str) -> Decision:
        """Whether policy lets this step reach its connector at all."""
        return check_step(policy, connector=connector, action=action)

    def egress(self, policy: Policy, *, run_id: UUID, ticket: str) -> Egress:
        """The way out for one attempt: its hosts, its addresses, its pace. `ticket` is the same on every attempt."""
        pace = _StepPace(self, policy, ticket, run_id) if policy.has_host_rates else None
        return Egress(policy.egress, pool_key=str(self._scope or ""), pace=pace)

    async def wait_ms(self, rates: list[outbound.Ask], ticket: str) -> int:
        """0 when a call may be made now, and it is counted; else the place in the line."""
        return await self._line.ask(rates, ticket)

    def note(self, outcome: str, error: Mapping[str, Any], *, run_id: UUID) -> None:
        """Count what stood in a step's way, where `error` (code, details) says that policy did."""
        block = block_of(outcome, error)
        if block is None:
            return
        self._blocks[block] += 1
        self._latest_runs[block] = run_id
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_soon())

    async def flush(self) -> None:
        """Write what was counted."""
        blocks, self._blocks = self._blocks, Counter()
        runs, self._latest_runs = self._latest_runs, {}
        if blocks:
            await self._in_workspace(lambda: count_blocks(blocks, runs))

    async def _write_soon(self) -> None:
        try:
            await asyncio.sleep(max(0.0, min(WRITE_SECONDS, self._written_at + WRITE_SECONDS - time.monotonic())))
            self._written_at = time.monotonic()
        finally:
            self._writing = None
        await self.flush()

    async def _in_workspace(self, work: Callable[[], Any]) -> Any:
        def inside() -> Any:
            with self._inside():
                return work()

        return await self._in_database(inside)


@dataclass
class _StepPace:
    """The pace of one attempt's calls: the first one may send the step away to wait, the others wait in place."""

    guard: Guard
    policy: Policy
    ticket: str
    run_id: UUID
    calls: int = field(default=0)

    async def __call__(self, target: Target) -> None:
        rates = [outbound.Ask.of(rate) for rate in self.policy.host_rates(target)]
        if not rates:
            return
        subject = f"{target.host}:{target.port}"
        has_waited = False
        while wait := await self.guard.wait_ms(rates, f"{self.ticket}:{self.calls}"):
            error = _paced(subject, rates, wait / 1000)
            if self.calls == 0 and wait > IN_PLACE_SECONDS * 1000:
                raise error
            if not has_waited:
                self.guard.note("waited", {"code": error.code, "details": error.details}, run_id=self.run_id)
                has_waited = True
            await asyncio.sleep(wait / 1000)
        self.calls += 1


def check_step(policy: Policy, *, connector: str, action: str) -> Decision:
    """What policy says about a step before its connector is called. Pure.

    >>> only_core = merge([Layer("installation", Rules(connector_allowlist=("core",)))])
    >>> check_step(only_core, connector="http", action="request").kind
    'deny'
    """
    layer = policy.connector_denial(connector, action)
    return ALLOW if layer is None else deny("connector_allowlist", layer, f"{connector}.{action}")


def version_rules(version_id: UUID) -> Rules | None:
    """The own rules of a published version, active or not."""
    options = WorkflowVersion.objects.filter(pk=version_id).values_list("options", flat=True).first()
    return workflow_rules((options or {}).get("policy"))


def workflow_rules(document: Any) -> Rules | None:
    """A published version's own `policy`; None where it has none. One of an older release that does not parse forbids
    everything rather than nothing.
    """
    if not document:
        return None
    if find_policy_problems(document, layer="workflow"):
        return Rules(connector_allowlist=())
    return parse(document, layer="workflow")


def block_of(outcome: str, error: Mapping[str, Any]) -> Block | None:
    """What is counted of a step's error; None when it was not policy that stood in the way."""
    details = error.get("details") or {}
    code = error.get("code")
    if code == "egress_denied":
        subject = f"{details.get('host', '')}:{details.get('port', '')}".strip(":") or "an address"
        if details.get("reason") == "secret_host":  # the secret's own list
            return Block("secret_hosts", "tenant", subject[:260], outcome)
        rule = "host_allowlist" if details.get("reason") == "host_allowlist" else "allow_ssrf"
        return Block(rule, str(details.get("layer", "installation")), subject[:260], outcome)
    if code in _COUNTED and "rule" in details:
        return Block(str(details["rule"]), str(details["layer"]), str(details.get("subject", ""))[:260], outcome)
    return None


def _paced(subject: str, rates: list[outbound.Ask], seconds: float) -> EgressPaced:
    rate = min(rates, key=lambda rate: rate.per_minute)
    return EgressPaced(
        f"Calls to {rate.pattern} are limited to {rate.per_minute} a minute by the {rate.layer}'s policy; "
        "this one waits for its turn.",
        retry_after=seconds,
        details={"rule": "outbound_rates", "layer": rate.layer, "subject": subject, "per_minute": rate.per_minute},
    )


def _with_workflow(policy: Policy, workflow_id: UUID, rules: Rules) -> Policy:
    return merge((*policy.layers, Layer("workflow", rules, key=str(workflow_id))))
