"""Attempts without calls: the inputs are worked out as ever, policy is asked, and the answer comes from `answers`.

Steps of `core` that touch nothing run for real; a wait is over at once, on a clock that jumps. What needs a value that
nobody knows is noted as unknown and taken to succeed, so that the rest of the path can be shown.
"""

from __future__ import annotations

import re
from typing import Any

from automate.definitions import StepDefinition
from automate.dryrun.answers import Answer, Answers
from automate.dryrun.clock import JumpingClock
from automate.dryrun.trace import Trace
from automate.execution import inputs, outcome
from automate.execution.advance import Advancer
from automate.execution.attempt import is_suspending
from automate.execution.calls import StepLog
from automate.execution.hands import Hands
from automate.execution.outcome import Done, Failed, Outcome, Unknown
from automate.execution.progress import RunProgress
from automate.execution.record import record
from automate.execution.schedule import Unit
from automate.execution.suspend import Suspender
from automate.jsontext import dumps
from automate.policy.breaches import find_breaches
from automate.policy.effective import Policy
from automate.rules.partial import DependsOnUnknown, known_truth
from automate.templating import Unknown as UnknownPart
from automate.templating import UnknownValue
from automate_connectors import registry
from automate_connectors.inputs import checked
from automate_connectors.models import ActionSpec, ConnectorError, UnknownConnector
from automate_governance.errors import NormalizedError
from automate_governance.redaction import redact
from automate_governance.storable import storable

Path = tuple[str, ...]


class DryAttempts:
    """The attempts of one dry run."""

    def __init__(self, *, clock: JumpingClock, answers: Answers, policy: Policy, trace: Trace):
        self._clock = clock
        self._answers = answers
        self._policy = policy
        self._trace = trace
        self._suspender = Suspender(clock=clock)

    async def make(self, run: RunProgress, unit: Unit, hands: Hands) -> None:
        """Afterwards the unit has ended, or waits for a time."""
        step = run.plan.by_id[unit.step]
        if unit in run.live:  # only timers wait here
            await self._suspender.wake(run, unit, step, hands)
            return
        log = StepLog(run.secret_values)
        self._trace.begin(unit)
        try:
            rendered = inputs.render(run, unit, step)
        except UnknownValue as error:
            self.cannot_know(run, unit, _needed(error, step.params))
            return
        except NormalizedError as error:
            run.begin_attempt(unit, step, shown_input=None, now=self._clock.now())
            record(run, unit, Failed(outcome.describe(error)), now=self._clock.now())
            return
        shown = redact(storable(rendered), run.secret_values())
        run.begin_attempt(unit, step, shown_input=dumps(shown), now=self._clock.now())
        if denied := self._denied(step, rendered):
            self._trace.denied(unit, denied)
            record(run, unit, Failed(_denial(denied[0])), now=self._clock.now())
        elif is_suspending(step) and step.action == "wait":
            self._trace.waits(unit, {"kind": "time", **shown})
            await self._suspender.open(run, unit, step, rendered, hands)
        elif step.connector == "core" and not is_suspending(step):
            self._trace.answered(unit, Answer("run"))
            result = await self._run(run, unit, step, rendered, log)
            record(run, unit, result, now=self._clock.now(), log=log)
        else:
            self._answer(run, unit, step, rendered, shown)

    async def answer_for_crash(self, run: RunProgress, unit: Unit, hands: Hands) -> None:
        raise AssertionError("a dry run is never interrupted")

    async def look_again(self, run: RunProgress, unit: Unit, hands: Hands) -> None:
        raise AssertionError("a dry run waits for times only")

    def cannot_know(self, run: RunProgress, unit: Unit, needs: str) -> None:
        """The unit needs the value at `needs`. Whether it runs, and what it gives, is unknown from here on."""
        now, step = self._clock.now(), run.plan.by_id[unit.step]
        self._trace.begin(unit)
        self._trace.needs(unit, needs)
        run.begin_attempt(unit, step, shown_input=None, now=now)
        if (step.connector, step.action) == ("core", "fail"):  # it fails, whatever it says
            error = {"code": "failed", "message": "", "details": {}, "retryable": False}
            record(run, unit, Failed(error), now=now)
            return
        self._give_unknown(run, unit, is_status_known=False)

    # -- answers ---------------------------------------------------------------------------------------------------

    def _answer(
        self, run: RunProgress, unit: Unit, step: StepDefinition, rendered: dict[str, Any], shown: dict[str, Any]
    ) -> None:
        if is_suspending(step):
            self._trace.waits(unit, {"kind": _KINDS[step.action], **shown})
        spec = _spec(step)
        self._trace.request(unit, _request(step, spec, rendered, shown))
        answer = self._answers.find(unit, step, shown)
        now = self._clock.now()
        if answer is not None:
            self._trace.answered(unit, answer, same_request=answer.request == shown)
            result: Outcome = Done(storable(answer.output))
            if answer.error is not None:
                result = Unknown(answer.error) if answer.is_doubt else Failed(answer.error)
            record(run, unit, result, now=now)
        elif spec is None:
            missing = UnknownConnector(f"Nothing here can do “{step.connector}.{step.action}”.")
            record(run, unit, Failed(outcome.describe(missing)), now=now)
        else:
            self._trace.answered(unit, Answer("unknown"))
            self._give_unknown(run, unit, is_status_known=True)

    def _give_unknown(self, run: RunProgress, unit: Unit, *, is_status_known: bool) -> None:
        now = self._clock.now()
        here = f"steps.{unit.step}.output" + (f".{unit.item - 1}" if unit.item else "")
        run.end_attempt(unit, status="succeeded", now=now)
        output = UnknownPart(f"{here}.output" if unit.item else here)
        run.results.succeeded(unit, output, "null", 0)
        if not is_status_known:
            status = UnknownPart(f"{here if unit.item else 'steps.' + unit.step}.status")
            if unit.item:
                run.results.items[unit.step][unit.item] = {"status": status, "output": output}
            else:
                run.results.context[unit.step] = {"status": status, "output": output, "error": status}
        run.schedule.succeed(unit, run.schedule.end_number(unit))

    async def _run(
        self, run: RunProgress, unit: Unit, step: StepDefinition, rendered: dict[str, Any], log: StepLog
    ) -> Outcome:
        """A step of `core`, as a worker runs it."""
        adapter, repeatable = registry.get(step.connector), True
        try:
            spec = adapter.actions[step.action]
            repeatable = spec.may_repeat(rendered, {"id": step.id, "idempotent": step.idempotent})
            return Done(storable(adapter.execute(step.action, rendered, {"log": log, "step_id": step.id})))
        except Exception as error:  # judged as a worker judges it
            attempt = run.attempts[unit]
            return outcome.judge_error(error, attempt=attempt, policy=step.retry, repeatable=repeatable)

    def _denied(self, step: StepDefinition, rendered: dict[str, Any]) -> list[dict[str, str]]:
        document = {"steps": [{"connector": step.connector, "action": step.action, "params": rendered}]}
        return [{"code": found.code, "message": found.message} for found in find_breaches(document, self._policy)]


class DryAdvancer(Advancer):
    """Takes a run forward as a worker does; what a `when` or a list needs may be unknown."""

    def __init__(self, *, attempts: DryAttempts, clock: JumpingClock):
        super().__init__(attempts=attempts, clock=clock)
        self._dry = attempts

    def _is_wanted(self, run: RunProgress, step: StepDefinition) -> bool:
        if step.when is None:
            return True
        context = inputs.context_of(run, Unit(step.id))
        known, unknown = _without_unknown(context["steps"])
        try:
            return known_truth(step.when, {**context, "steps": known}, unknown)
        except DependsOnUnknown as error:
            raise UnknownValue(error.path) from None

    def _refuse(self, run: RunProgress, unit: Unit, error: NormalizedError) -> None:
        if isinstance(error, UnknownValue):
            foreach = run.plan.by_id[unit.step].foreach
            self._dry.cannot_know(run, unit, _needed(error, foreach.items if foreach is not None else None))
        else:
            super()._refuse(run, unit, error)


_KINDS = {"wait_for_event": "event", "approve": "approval", "run_workflow": "child"}


def _without_unknown(steps: dict[str, Any]) -> tuple[dict[str, Any], list[Path]]:
    """What is known of the steps, with null for the rest, and where the rest stands."""
    known: dict[str, Any] = {}
    unknown: list[Path] = []
    for step_id, parts in steps.items():
        known[step_id] = dict(parts)
        for name, value in parts.items():
            if _holds_unknown(value):
                known[step_id][name] = None
                unknown.append(("steps", step_id, name))
    return known, unknown


def _holds_unknown(value: Any) -> bool:
    """Whether it is unknown, or a fan-out's list of results with something unknown in it."""
    if isinstance(value, list):
        return any(
            isinstance(one, dict) and any(isinstance(part, UnknownPart) for part in one.values()) for one in value
        )
    return isinstance(value, UnknownPart)


def _needed(error: UnknownValue, source: Any) -> str:
    """The path as it is written in `source`, the step's params or its list of items."""
    value, needs = source, str(error.details["needs"])
    for key in str(error.details.get("path", "")).split("/")[1:]:
        name = key.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value.get(name)
    written = re.search(re.escape(needs) + r"(?:\.[\w-]+)*", value) if isinstance(value, str) else None
    return written[0] if written else needs


def _spec(step: StepDefinition) -> ActionSpec | None:
    try:
        return registry.get(step.connector).actions.get(step.action)
    except UnknownConnector:
        return None


def _request(
    step: StepDefinition, spec: ActionSpec | None, rendered: dict[str, Any], shown: dict[str, Any]
) -> dict[str, Any]:
    """What would be sent, as far as the connector declares it; `problem`: why the connector would refuse it."""
    told: dict[str, Any] = {"connector": step.connector, "action": step.action, "params": shown}
    if spec is None:
        return told
    told["effect"] = spec.effect
    try:
        checked(
            spec, {name: value for name, value in rendered.items() if not _holds_secret(value)} | _present(rendered)
        )
    except ConnectorError as error:
        told["problem"] = str(error)
    return told


def _present(rendered: dict[str, Any]) -> dict[str, Any]:
    """Parameters that hold a secret are there, and null: whether they fit is known at the connector's edge only."""
    return {name: None for name, value in rendered.items() if _holds_secret(value)}


def _holds_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return "$secret" in value or any(map(_holds_secret, value.values()))
    if isinstance(value, list):
        return any(map(_holds_secret, value))
    return isinstance(value, str) and value.startswith("$secret:")


def _denial(denied: dict[str, str]) -> dict[str, Any]:
    code = "egress_denied" if denied["code"] == "host_not_allowed" else denied["code"]
    return {"code": code, "message": denied["message"], "details": {}, "retryable": False}
