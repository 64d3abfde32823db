"""Steps that wait without a worker: for a time, an event, a person, another run.

A step that waits is a row and, but for a mere time, an open `RunWait`. It goes on when its run's job falls due: at the
timeout, or because whoever answered has armed the job. Nothing is held in memory meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from automate import ids
from automate.definitions import StepDefinition
from automate.execution import waiting
from automate.execution.hands import Hands
from automate.execution.outcome import Done, Failed, Outcome
from automate.execution.progress import STATE_KEPT, RunProgress
from automate.execution.record import record
from automate.execution.schedule import Unit
from automate.execution.sealing import open_answer, open_known, seal_secrets
from automate.ingest.hops import MAX_HOPS
from automate.jsontext import dumps
from automate.outbox.waits import ChildRow, RecordedWait, WaitRow
from automate.triggers.completion import hops_of
from automate_governance.clock import Clock
from automate_governance.storable import storable

SUSPENDING = frozenset({"wait", "wait_for_event", "approve", "run_workflow"})
MAX_WAIT_SECONDS = 31_536_000.0


class Refused(Exception):
    """The step cannot be begun; its outcome says why."""

    def __init__(self, code: str, message: str, **details: Any):
        super().__init__(message)
        self.outcome = _failed(code, message, **details)


@dataclass(frozen=True)
class Suspender:
    clock: Clock

    async def open(
        self, run: RunProgress, unit: Unit, step: StepDefinition, params: dict[str, Any], hands: Hands
    ) -> None:
        """Begin to wait; the attempt is running. What need not wait ends at once."""
        try:
            if step.action == "wait":
                self._open_timer(run, unit, params)
            elif step.action == "wait_for_event":
                await self._open_event(run, unit, step, params, hands)
            elif step.action == "approve":
                self._open_approval(run, unit, params)
            else:
                await self._open_child(run, unit, params, hands)
        except Refused as refused:
            record(run, unit, refused.outcome, now=self.clock.now())

    async def wake(self, run: RunProgress, unit: Unit, step: StepDefinition, hands: Hands) -> None:
        """Its time has come, or somebody answered."""
        now = self.clock.now()
        wait = run.waits.get(unit)
        if step.action == "wait":
            record(run, unit, Done({"waited_until": now.isoformat()}), now=now)
            return
        if wait is None:  # it had not been recorded when the worker stopped
            run.begin_attempt(unit, step, shown_input=None, now=now)
            record(run, unit, _failed("wait_lost", "What the step waited for is not there any more."), now=now)
            return
        if wait.status == "open" and wait.expires_at is not None and wait.expires_at <= now:
            wait_id = wait.id
            wait = await hands.in_tenant(lambda: waiting.expire(wait_id)) or wait
        await self._go_on(run, unit, step, wait, hands)

    async def look_again(self, run: RunProgress, unit: Unit, hands: Hands) -> None:
        """A run was resumed: the event may have come while its worker stopped between opening and looking back."""
        wait = run.waits[unit]
        if wait.kind == "event" and wait.status == "open":
            run.waits[unit] = await self._look_back(wait, hands)
        if run.waits[unit].status != "open":
            run.schedule.wake(unit, self.clock.now())

    async def _look_back(self, wait: RecordedWait, hands: Hands) -> RecordedWait:
        now = self.clock.now()
        return await hands.in_tenant(lambda: waiting.look_back(wait.id, now=now)) or wait

    async def _go_on(
        self, run: RunProgress, unit: Unit, step: StepDefinition, wait: RecordedWait, hands: Hands
    ) -> None:
        run.waits[unit] = wait
        now = self.clock.now()
        if wait.status == "open":  # woken for something else
            run.schedule.wait(unit, wait.expires_at)
            return
        del run.waits[unit]
        record(run, unit, self._outcome(run, step, wait, hands), now=now)

    def _outcome(self, run: RunProgress, step: StepDefinition, wait: RecordedWait, hands: Hands) -> Outcome:
        if wait.status != "answered" or wait.answer is None:
            return self._expired(run, step, wait)
        if wait.kind == "event":
            return Done(_awaited(wait))
        if wait.kind == "approval":
            return _approval(wait)
        if "secrets" in wait.answer:
            run.learn(open_known(hands.data_key, wait.id, wait.answer["secrets"]))
        return _child(wait, hands.data_key)

    def _expired(self, run: RunProgress, step: StepDefinition, wait: RecordedWait) -> Outcome:
        if wait.child_run_id is not None:
            run.cancelled_children.append(wait.child_run_id)
        if step.params.get("on_timeout") == "continue":
            gave = {"approved": False} if wait.kind == "approval" else {"event": None, "payload": None}
            return Done({**gave, "timed_out": True})
        return _failed("wait_timeout", "Nobody answered in time.", kind=wait.kind)

    # -- beginning to wait -----------------------------------------------------------------------------------------

    def _open_timer(self, run: RunProgress, unit: Unit, params: dict[str, Any]) -> None:
        now = self.clock.now()
        until = _time(params["until"]) if "until" in params else now + _span(params, "seconds")
        if until <= now:
            record(run, unit, Done({"waited_until": until.isoformat()}), now=now)
            return
        run.put_off(unit, until=until, now=now)
        run.schedule.wait(unit, until)

    async def _open_event(
        self, run: RunProgress, unit: Unit, step: StepDefinition, params: dict[str, Any], hands: Hands
    ) -> None:
        now = self.clock.now()
        event_type, rule = params.get("event_type"), params.get("rule")
        if not isinstance(event_type, str) or not event_type:
            raise Refused("invalid_params", "`event_type` is the exact type of the events.")
        since = now - _span(params, "look_back_seconds") if "look_back_seconds" in params else _beginning(run)
        wait = self._wait(run, unit, params, "event", event_type=event_type, rule=rule, since=since)
        await hands.make_durable()  # from here on every event that is matched finds the wait; look for those before
        await self._go_on(run, unit, step, await self._look_back(wait, hands), hands)

    def _open_approval(self, run: RunProgress, unit: Unit, params: dict[str, Any]) -> None:
        asked = {"message": params.get("message", ""), "approvers": params.get("approvers", [])}
        shown = run.redacted(storable(asked))
        wait = self._wait(run, unit, params, "approval", details=shown)
        run.schedule.wait(unit, wait.expires_at)

    async def _open_child(self, run: RunProgress, unit: Unit, params: dict[str, Any], hands: Hands) -> None:
        child = await self._child_row(run, unit, params, hands)
        run.children.append(child)
        if params.get("wait", True) is False:
            record(run, unit, Done({"run_id": str(child.run_id)}), now=self.clock.now())
            return
        wait = self._wait(run, unit, params, "child", child_run_id=child.run_id)
        run.schedule.wait(unit, wait.expires_at)

    async def _child_row(self, run: RunProgress, unit: Unit, params: dict[str, Any], hands: Hands) -> ChildRow:
        now = self.clock.now()
        slug, payload = str(params.get("workflow", "")), params.get("payload", {})
        hops = (hops_of(run.event) if run.hops is None else run.hops) + 1
        if hops > MAX_HOPS:
            message = f"{MAX_HOPS} runs, each started by the one before, have led to this one; it starts no other."
            evidence = {"trace_id": run.event.trace_id.hex, "run_id": str(run.id), "workflow": slug}
            raise Refused("too_many_hops", message, hops=hops, **evidence)
        live = await hands.in_tenant(lambda: waiting.find_live(slug))
        if live is None:
            raise Refused("workflow_not_live", f"No version of “{slug}” is live.", workflow=slug)
        ends = [now + timedelta(seconds=live.deadline_seconds)]
        round_ = run.round_of(unit)
        child_id = ids.child_run_id(run.id, unit.step, unit.item, round_)
        return ChildRow(
            run_id=child_id,
            event_id=ids.child_event_id(run.id, unit.step, unit.item, round_),
            payload=dumps(storable(payload)),
            workflow_id=live.workflow_id,
            version_id=live.version_id,
            trace_id=run.event.trace_id,
            parent_run_id=run.id,
            parent_step_id=unit.step,
            parent_item=unit.item,
            root_run_id=run.root_run_id or run.id,
            hops=hops,
            deadline_at=min([*ends, *([run.deadline_at] if run.deadline_at else [])]),
            steps_total=live.steps_total,
            created_at=now,
            sealed=seal_secrets(hands.data_key, child_id, run.secrets) if run.secrets else None,
            sealed_until=now + STATE_KEPT if run.secrets else None,
        )

    def _wait(
        self,
        run: RunProgress,
        unit: Unit,
        params: dict[str, Any],
        kind: str,
        *,
        event_type: str = "",
        rule: Any = None,
        since: datetime | None = None,
        child_run_id: UUID | None = None,
        details: Any = None,
    ) -> RecordedWait:
        """An open wait, to be written with the attempt's row."""
        now = self.clock.now()
        wait_id = ids.wait_id(run.id, unit.step, unit.item)  # a child that answers knows of no rounds
        expires_at = now + _span(params, "timeout_seconds") if params.get("timeout_seconds") is not None else None
        told = None if details is None else dumps(details)
        run.new_waits.append(
            WaitRow(
                wait_id, run.id, unit.step, unit.item, kind, event_type, None if rule is None else dumps(rule), since,
                child_run_id, told, now, expires_at, run.event.trace_id,
            )
        )  # fmt: skip
        wait = RecordedWait(
            wait_id, run.id, unit.step, unit.item, kind, "open", event_type, rule, since, expires_at, child_run_id,
            None, "", None,
        )  # fmt: skip
        run.waits[unit] = wait
        run.put_off(unit, until=expires_at, now=now)
        return wait


def _awaited(wait: RecordedWait) -> dict[str, Any]:
    event = wait.event
    if event is None:
        return {"event": {"id": (wait.answer or {}).get("event_id")}, "payload": None}
    told = {
        "id": str(event.id),
        "type": event.type,
        "source": event.source,
        "received_at": event.received_at.isoformat(),
    }
    return {"event": told, "payload": event.payload}


def _approval(wait: RecordedWait) -> Outcome:
    answer = wait.answer or {}
    at = wait.answered_at.isoformat() if wait.answered_at else None
    told = {
        "approved": bool(answer.get("approved")),
        "by": wait.answered_by,
        "comment": answer.get("comment", ""),
        "at": at,
    }
    if told["approved"]:
        return Done(told)
    return _failed("approval_refused", f"{wait.answered_by} said no.", **told)


def _child(wait: RecordedWait, data_key: bytes) -> Outcome:
    answer = wait.answer or {}
    told = {"run_id": answer.get("run_id"), "status": answer.get("status")}
    if answer.get("status") == "succeeded":
        outputs = open_answer(data_key, wait.id, answer["sealed"]) if "sealed" in answer else None
        return Done({**told, "outputs": outputs})
    return _failed("child_failed", f"The run it started has {told['status']}.", **told, error=answer.get("error"))


def _failed(code: str, message: str, **details: Any) -> Failed:
    return Failed({"code": code, "message": message, "details": details, "retryable": False})


def _span(params: dict[str, Any], name: str) -> timedelta:
    seconds = params.get(name)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= MAX_WAIT_SECONDS:
        raise Refused("invalid_params", f"`{name}` is a number of seconds from 0 to {MAX_WAIT_SECONDS:,.0f}.")
    return timedelta(seconds=seconds)


def _beginning(run: RunProgress) -> datetime:
    """Just after the event that the run is about was received: events are compared with it, and a worker's clock may be
    ahead of the gateway's. A retry is about the same event: what came too late for the first run is there for it.
    """
    return run.event.received_at + timedelta(microseconds=1)


def _time(text: Any) -> datetime:
    """A point in time as ISO 8601; without an offset it is UTC."""
    try:
        at = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise Refused(
            "invalid_params", "`until` is a time such as 2026-03-01T09:00:00Z.", until=str(text)[:100]
        ) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=timezone.utc)
