"""One attempt of one step or item: inputs, policy, secrets, the call, and what its answer means.

Nothing is written here. A step whose effect must not be repeated asks first that its running attempt be made durable:
should the worker stop in the middle, the next one finds the attempt and knows that it may have happened.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from automate.definitions import StepDefinition
from automate.execution import inputs, outcome, secrets
from automate.execution.breaker import CircuitBreakers, CircuitOpen, Key, host_of
from automate.execution.calls import StepLog, call, connector_context
from automate.execution.hands import Hands
from automate.execution.outcome import Done, Failed, Outcome, Postponed, RetryLater, Unknown
from automate.execution.processes import Processes
from automate.execution.progress import RunProgress
from automate.execution.record import record
from automate.execution.schedule import Unit
from automate.execution.secrets import SecretReader
from automate.execution.suspend import SUSPENDING, Suspender
from automate.execution.threads import ConnectorThreads
from automate.jsontext import dumps
from automate.policy.decision import MustWait, PolicyDenied
from automate.policy.effective import Policy
from automate_connectors import registry
from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec, UnknownConnector
from automate_governance.clock import Clock
from automate_governance.egress import bound_secrets
from automate_governance.errors import NormalizedError
from automate_governance.secrets import SecretValue
from automate_governance.storable import storable

PROBE_SECONDS = 30.0
NOTHING_BOUND = nullcontext()  # costs less than to say so
MAX_ANSWER_BYTES = 67_108_864  # looked at, to say how much of it is too much


class UnknownAction(UnknownConnector):
    """The connector has no action of this name."""

    code = "unknown_action"


class WindowPassed(NormalizedError):
    """An earlier attempt may have happened, and the receiver does not remember its key any more."""

    code, http_status = "native_window_passed", 409


class Attempts:
    """Makes attempts. One instance serves every run of a worker."""

    def __init__(self, *, threads: ConnectorThreads | Processes, clock: Clock, secrets: SecretReader):
        self._threads = threads
        self._clock = clock
        self._secrets = secrets
        self._breakers = CircuitBreakers()
        self._suspender = Suspender(clock=clock)

    async def make(self, run: RunProgress, unit: Unit, hands: Hands) -> None:
        """Start the unit, or go on with it. Afterwards it has ended, or it waits."""
        step = run.plan.by_id[unit.step]
        live = run.live.get(unit)
        if live is not None and live.status == "waiting" and is_suspending(step):
            await self._suspender.wake(run, unit, step, hands)
            return
        log = StepLog(run.secret_values)
        repeatable = True
        result: Outcome
        try:
            rendered = inputs.render(run, unit, step)
            shown = dumps(run.redacted(storable(rendered)))
            run.begin_attempt(unit, step, shown_input=shown, now=self._clock.now())
            policy = await _ask_policy(run, step, hands)
            if is_suspending(step):
                await self._suspender.open(run, unit, step, rendered, hands)
                return
            adapter, spec = _action(step)
            found, params = await self._with_secrets(run, step, rendered, hands.scope)
            repeatable = spec.may_repeat(params, {"id": step.id, "idempotent": step.idempotent})
            self._refuse_late_repeat(run, unit, spec)
            if not repeatable or hands.is_overdue():  # stopped for longer than its lease: the run may be another's
                await hands.make_durable()
            context = self._context(run, unit, step, hands, found, log)
            context["policy"] = policy.own_budgets()
            context["egress"] = hands.guard.egress(policy, run_id=run.id, ticket=context["idempotency_key"])
            answer = await self._call(run, step, adapter, params, context)
            result = Done(storable(answer, max_bytes=MAX_ANSWER_BYTES))
        except CircuitOpen as error:
            result = Postponed(error.seconds, outcome.describe(error))
        except WindowPassed as error:
            result = await self._settle(run, unit, step, hands, outcome.unknown(outcome.describe(error)))
        except Exception as error:  # whatever a template, a plugin or the network raises is judged, not passed on
            if unit not in run.live:
                run.begin_attempt(unit, step, shown_input=None, now=self._clock.now())
            attempt = run.attempts[unit]
            result = outcome.judge_error(error, attempt=attempt, policy=step.retry, repeatable=repeatable)
            result = await self._settle(run, unit, step, hands, result)
        if not isinstance(result, Done):
            is_wait = isinstance(result, Postponed)
            hands.guard.note("waited" if is_wait else "denied", result.error, run_id=run.id)
            if not is_wait:
                run.note_denial(unit, result.error, now=self._clock.now())
        record(run, unit, result, now=self._clock.now(), log=log)

    async def answer_for_crash(self, run: RunProgress, unit: Unit, hands: Hands) -> None:
        """An attempt was running when its worker stopped: ask, repeat it where that is safe, else nobody knows."""
        step = run.plan.by_id[unit.step]
        if is_suspending(step):
            again = outcome.crash_repeated()
            record(run, unit, RetryLater(0.0, {**again, "in_doubt": False}), now=self._clock.now())
            return
        result: Outcome = Unknown(outcome.crash_unknown(step.id))
        if self._is_repeatable(run, unit, step):
            result = RetryLater(0.0, outcome.crash_repeated())
        record(run, unit, await self._settle(run, unit, step, hands, result), now=self._clock.now())

    async def look_again(self, run: RunProgress, unit: Unit, hands: Hands) -> None:
        """The run was resumed, and this unit waits: somebody may have answered."""
        await self._suspender.look_again(run, unit, hands)

    # -- the call --------------------------------------------------------------------------------------------------

    async def _call(
        self,
        run: RunProgress,
        step: StepDefinition,
        adapter: ConnectorAdapter,
        params: dict[str, Any],
        context: dict[str, Any],
    ) -> Any:
        key: Key = (context["pool_key"], host_of(step.connector, params))
        is_watched = step.connector != "core"
        if is_watched:
            self._breakers.enter(key, self._clock.now())
        try:
            seconds = self._seconds_left(run, step)
            with bound_secrets(run.secrets) if run.secrets else NOTHING_BOUND:
                answer = await call(adapter, step, params, context, self._threads, seconds=seconds)
        except Exception as error:
            if is_watched:
                self._breakers.failed(key, error, self._clock.now())
            raise
        except BaseException:
            self._breakers.left(key)
            raise
        if is_watched:
            self._breakers.succeeded(key)
        return answer

    def _seconds_left(self, run: RunProgress, step: StepDefinition) -> float:
        """The step's limit, or what is left of the run's deadline, where that is less and the run is not ending."""
        if run.deadline_at is None or run.schedule.phase != "main" or run.schedule.stopped:
            return step.timeout_seconds
        left = (run.deadline_at - self._clock.now()).total_seconds()
        return min(step.timeout_seconds, max(left, 0.001))

    def _context(
        self,
        run: RunProgress,
        unit: Unit,
        step: StepDefinition,
        hands: Hands,
        found: dict[str, SecretValue],
        log: StepLog,
    ) -> dict[str, Any]:
        plain = {name: value.value for name, value in found.items()}
        attempt = run.attempts[unit]
        return connector_context(run, unit, step, attempt=attempt, log=log, secrets=plain, scope=hands.scope)

    async def _with_secrets(
        self, run: RunProgress, step: StepDefinition, rendered: dict[str, Any], scope: object
    ) -> tuple[dict[str, SecretValue], dict[str, Any]]:
        """The secrets the step refers to, and its params with them; the run masks their values from here on."""
        names = secrets.names_in(rendered)
        if not names:
            return {}, rendered
        declared = secrets.names_in(step.params)
        found = await self._secrets.read(scope, run.version_id, names, declared=declared)
        run.learn(found.values())
        params = secrets.put_in(rendered, found)
        secrets.refuse_foreign_target(params, found)
        return found, params

    # -- doubt -----------------------------------------------------------------------------------------------------

    def _refuse_late_repeat(self, run: RunProgress, unit: Unit, spec: ActionSpec) -> None:
        """A receiver that honours keys for a while only cannot be asked again after that."""
        since, window = run.doubt_since.get(unit), spec.native_window_seconds
        if since is None or window is None or spec.idempotency != "native":
            return
        if self._clock.now() - since > timedelta(seconds=window):
            raise WindowPassed(
                f"An attempt {_ago(self._clock.now() - since)} ago may have happened, and the receiver remembers its "
                f"key for {window:,} s only.",
                details={"native_window_seconds": window, "since": since.isoformat()},
            )

    async def _settle(
        self, run: RunProgress, unit: Unit, step: StepDefinition, hands: Hands, result: Outcome
    ) -> Outcome:
        """Ask an adapter that can tell whether it happened, where that is in doubt."""
        is_doubt = isinstance(result, Unknown) or (isinstance(result, RetryLater) and result.error.get("in_doubt"))
        if not is_doubt or isinstance(result, (Done, Postponed)):
            return result
        happened = await self._probe(run, unit, step, hands)
        if happened is None:
            return result
        if happened:
            return Done(None)
        error = {**result.error, "in_doubt": False, "retryable": True}
        run.doubt_since.pop(unit, None)
        if isinstance(result, RetryLater):
            return RetryLater(result.delay_seconds, error)
        error = {**error, "code": error["details"].get("cause", error["code"])}
        if run.attempts[unit] >= step.retry.attempts:
            return Failed(error)
        return RetryLater(0.0, error)

    async def _probe(self, run: RunProgress, unit: Unit, step: StepDefinition, hands: Hands) -> bool | None:
        """The adapter's `probe(action, params, context)`: True, it happened; False, it did not; None, nobody knows."""
        try:
            adapter, _ = _action(step)
            probe = getattr(adapter, "probe", None)
            if probe is None:
                return None
            rendered = inputs.render(run, unit, step)
            found, params = await self._with_secrets(run, step, rendered, hands.scope)
            context = self._context(run, unit, step, hands, found, StepLog(run.secret_values))
            with bound_secrets(run.secrets):
                policy = await _ask_policy(run, step, hands)
                ticket = context["idempotency_key"] + ":probe"
                context["egress"] = hands.guard.egress(policy, run_id=run.id, ticket=ticket)
                asked = asyncio.to_thread(probe, step.action, params, context)
                answer = await asyncio.wait_for(asked, PROBE_SECONDS)
                if inspect.isawaitable(answer):
                    answer = await answer
        except Exception:  # a probe that fails tells nothing
            return None
        return answer if isinstance(answer, bool) else None

    def _is_repeatable(self, run: RunProgress, unit: Unit, step: StepDefinition) -> bool:
        try:
            params = inputs.render(run, unit, step)
            return _action(step)[1].may_repeat(params, {"id": step.id, "idempotent": step.idempotent})
        except NormalizedError:
            return False  # nobody can tell any more what was sent


async def _ask_policy(run: RunProgress, step: StepDefinition, hands: Hands) -> Policy:
    """The policy that holds for the step. Raises PolicyDenied, MustWait."""
    policy = await hands.guard.policy_of(run.workflow_id, run.version_id)
    decision = hands.guard.check_step(policy, step.connector, step.action)
    if decision.kind == "deny":
        raise PolicyDenied(decision)
    if decision.kind == "wait":
        raise MustWait(decision)
    return policy


def is_suspending(step: StepDefinition) -> bool:
    """Whether the step is one of those that wait without a worker."""
    return step.connector == "core" and step.action in SUSPENDING


def _action(step: StepDefinition) -> tuple[ConnectorAdapter, ActionSpec]:
    adapter = registry.get(step.connector)
    spec = adapter.actions.get(step.action)
    if spec is None:
        raise UnknownAction(f"The connector “{step.connector}” has no action “{step.action}”.")
    return adapter, spec


def _ago(span: timedelta) -> str:
    return str(timedelta(seconds=round(span.total_seconds())))
