"""Advancing a run: one step after the other, until it ends, waits, or is told to stop at the next step.

Nothing is written here. A step whose effect must not be repeated asks first that its running attempt be made durable:
should the worker stop in the middle, the next one finds the attempt and knows that it may have happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any

from automate.definitions import StepDefinition
from automate.execution import inputs, outcome, secrets
from automate.execution.calls import StepLog, call, connector_context
from automate.execution.outcome import Done, Outcome, Postponed, RetryLater, Unknown
from automate.execution.processes import Processes
from automate.execution.progress import RunProgress
from automate.execution.secrets import SecretReader
from automate.jsontext import dumps
from automate.outbox.store import StepRow
from automate.policy.decision import MustWait, PolicyDenied
from automate.policy.effective import Policy
from automate.policy.guard import Guard
from automate_connectors import registry
from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec, UnknownConnector
from automate_governance.clock import Clock
from automate_governance.egress import bound_secrets
from automate_governance.errors import NormalizedError
from automate_governance.redaction import redact
from automate_governance.secrets import SecretValue
from automate_governance.storable import storable


class UnknownAction(UnknownConnector):
    """The connector has no action of this name."""

    code = "unknown_action"


class Advancer:
    """Runs steps. One instance serves every run of a worker."""

    def __init__(self, *, threads: Executor | Processes, clock: Clock, secrets: SecretReader):
        self._threads = threads
        self._clock = clock
        self._secrets = secrets

    async def advance(
        self,
        run: RunProgress,
        *,
        scope: object,
        guard: Guard,
        make_durable: Callable[[], Awaitable[None]],
        must_stop: Callable[[], bool],
    ) -> None:
        """Take `run` as far as it goes now. Afterwards it is final, waiting, held, or queued (told to stop)."""
        run.begin(self._clock.now())
        if run.interrupted is not None:
            self._answer_for_crash(run, run.interrupted)
        while run.status == "running" and (step := run.next_step) is not None:
            if must_stop():
                run.put_back()
                return
            await self._attempt(run, step, scope=scope, guard=guard, make_durable=make_durable)
        if run.status == "running":
            run.end("succeeded", now=self._clock.now())

    async def _attempt(
        self,
        run: RunProgress,
        step: StepDefinition,
        *,
        scope: object,
        guard: Guard,
        make_durable: Callable[[], Awaitable[None]],
    ) -> None:
        log = StepLog(run.secret_values)
        row: StepRow | None = None
        repeatable = True
        result: Outcome
        try:
            rendered = inputs.render(run, step)
            row = run.begin_attempt(
                step, shown_input=dumps(redact(storable(rendered), run.secret_values())), now=self._clock.now()
            )
            policy = await _ask_policy(guard, run, step)
            adapter, spec = _action(step)
            found = await self._find_secrets(run, step, rendered, scope)
            params = secrets.put_in(rendered, found)
            secrets.refuse_foreign_target(params, found)
            repeatable = spec.may_repeat(params, {"id": step.id, "idempotent": step.idempotent})
            if not repeatable:
                await make_durable()
            plain = {name: value.value for name, value in found.items()}
            context = connector_context(run, step, attempt=row.attempt, log=log, secrets=plain, scope=scope)
            context["policy"] = policy.own_budgets()
            context["egress"] = guard.egress(policy, run_id=run.id, ticket=context["idempotency_key"])
            with bound_secrets(run.secrets):
                result = Done(storable(await call(adapter, step, params, context, self._threads)))
        except Exception as error:  # whatever a template, a plugin or the network raises is judged, not passed on
            row = row or run.begin_attempt(step, shown_input=None, now=self._clock.now())
            result = outcome.judge_error(error, attempt=row.attempt, policy=step.retry, repeatable=repeatable)
        if not isinstance(result, Done):
            guard.note("waited" if isinstance(result, Postponed) else "denied", result.error, run_id=run.id)
        self._record(run, step, row, result, log, secret_values=run.secret_values())

    async def _find_secrets(
        self, run: RunProgress, step: StepDefinition, rendered: dict[str, Any], scope: object
    ) -> dict[str, SecretValue]:
        """The secrets the step refers to; from here on the run masks their values wherever they reappear."""
        names = secrets.names_in(rendered)
        if not names:
            return {}
        declared = secrets.names_in(step.params)
        found = await self._secrets.read(scope, run.version_id, names, declared=declared)
        run.learn(found.values())
        return found

    def _record(
        self,
        run: RunProgress,
        step: StepDefinition,
        row: StepRow,
        result: Outcome,
        log: StepLog,
        *,
        secret_values: tuple[str, ...],
    ) -> None:
        """Put the outcome into the run, redacted where it is shown."""
        now = self._clock.now()
        logs = dumps(log.lines) if log.lines else "[]"
        if isinstance(result, Done):
            shown = redact(result.output, secret_values)
            run.outputs[step.id], run.shown[step.id] = result.output, shown
            run.end_attempt(row, status="succeeded", now=now, output=dumps(shown), logs=logs)
            return
        error = redact(storable(result.error), secret_values)
        if isinstance(result, RetryLater):
            retry_at = now + timedelta(seconds=result.delay_seconds)
            run.end_attempt(row, status="failed", now=now, error=dumps(error), logs=logs, retry_at=retry_at)
            run.wait(result.delay_seconds)
            return
        if isinstance(result, Postponed):
            retry_at = now + timedelta(seconds=result.delay_seconds)
            run.end_attempt(row, status="waiting", now=now, error=dumps(error), logs=logs, retry_at=retry_at)
            run.attempts[step.id] -= 1  # it goes on as the same attempt
            run.wait(result.delay_seconds)
            return
        status = "unknown" if isinstance(result, Unknown) else "failed"
        run.end_attempt(row, status=status, now=now, error=dumps(error), logs=logs)
        run.end("held" if status == "unknown" else "failed", now=now, error={**error, "step": step.id})

    def _answer_for_crash(self, run: RunProgress, step_id: str) -> None:
        """An attempt was running when its worker stopped: repeat it where that is safe, else hold the run."""
        now = self._clock.now()
        step = next(step for step in run.steps if step.id == step_id)
        run.attempts[step_id] -= 1
        row = run.begin_attempt(step, shown_input=None, now=now)
        run.interrupted = None
        if _is_repeatable(run, step):
            run.end_attempt(row, status="failed", now=now, error=dumps(outcome.crash_repeated()))
            return
        error = outcome.crash_unknown(step_id)
        run.end_attempt(row, status="unknown", now=now, error=dumps(error))
        run.end("held", now=now, error={**error, "step": step_id})


async def _ask_policy(guard: Guard, run: RunProgress, step: StepDefinition) -> Policy:
    """The policy that holds for the step. Raises PolicyDenied, MustWait."""
    policy = await guard.policy_of(run.workflow_id, run.version_id)
    decision = guard.check_step(policy, step.connector, step.action)
    if decision.kind == "deny":
        raise PolicyDenied(decision)
    if decision.kind == "wait":
        raise MustWait(decision)
    return policy


def _action(step: StepDefinition) -> tuple[ConnectorAdapter, ActionSpec]:
    adapter = registry.get(step.connector)
    spec = adapter.actions.get(step.action)
    if spec is None:
        raise UnknownAction(f"The connector “{step.connector}” has no action “{step.action}”.")
    return adapter, spec


def _is_repeatable(run: RunProgress, step: StepDefinition) -> bool:
    try:
        params: dict[str, Any] = inputs.render(run, step)
        return _action(step)[1].may_repeat(params, {"id": step.id, "idempotent": step.idempotent})
    except NormalizedError:
        return False  # nobody can tell any more what was sent
