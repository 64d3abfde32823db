"""One dry run, from event to report. Pure: no database, no network, no secret."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from automate import ids, rules
from automate.definitions import Draft
from automate.dryrun.answers import Answers, samples_of
from automate.dryrun.attempts import DryAdvancer, DryAttempts
from automate.dryrun.clock import JumpingClock
from automate.dryrun.report import Decided, DryRun
from automate.dryrun.trace import Trace
from automate.execution.hands import Hands
from automate.execution.match import Candidate, RuleEngine, event_context
from automate.execution.progress import RunProgress
from automate.execution.resume import new_run
from automate.outbox.store import ActiveVersion, EventData
from automate.policy.effective import Layer, Policy, merge
from automate.policy.guard import Guard, workflow_rules
from automate.rules import RuleFailed
from automate.rules.masking import masked, sensitive_values
from automate_governance.redaction.current import masking_emails
from automate_governance.secrets import SecretValue

MAX_ATTEMPTS = 5_000  # of one dry run
MAX_SECONDS = 10.0  # of processor time
LIMIT = "stopped"


@dataclass(frozen=True)
class Subject:
    """What is tried: a version, or a draft as the version it would become, under the policy that holds."""

    candidate: Candidate
    rules: RuleEngine
    policy: Policy
    samples: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        definition: dict[str, Any],
        *,
        policy: Policy,
        workflow_id: UUID | None = None,
        version_id: UUID | None = None,
        version_num: int = 0,
    ) -> Subject:
        """Of a definition for which `find_problems` found no error; the ids are those of a published version."""
        draft = Draft.parse(definition)
        own = workflow_rules(draft.options.get("policy"))
        if own is not None:
            policy = merge((*policy.layers, Layer("workflow", own, key=str(workflow_id))))
        workflow_id, version_id = workflow_id or ids.new_id(), version_id or ids.new_id()
        version = ActiveVersion(
            version_id, workflow_id, draft.trigger, draft.rule, draft.steps, draft.options, draft.slug,
            version_num=version_num,
        )  # fmt: skip
        engine = RuleEngine([version])
        return cls(engine.known[version_id], engine, policy, samples_of(definition))

    def decide(self, event: EventData, *, is_direct: bool = False) -> Decided:
        """Whether the event would start it: as a worker decides."""
        if is_direct:
            return Decided(True, "direct")
        [decision], matched = self.rules.decide(event, now=event.received_at)
        if decision.workflow_id is None:
            return Decided(False, "not_listening")
        return Decided(bool(matched), decision.reason, decision.failed_at)

    def explain(self, event: EventData) -> dict[str, Any] | None:
        """The rule's tree, with what is sensitive masked; None without a rule, or where it cannot be read."""
        if self.candidate.version.rule is None:
            return None
        try:
            tree = rules.explain(self.candidate.version.rule, event_context(event))
        except RuleFailed:
            return None
        return masked(tree, self.candidate.version.rule, sensitive_values(event.payload))


def dry_run(subject: Subject, event: EventData, answers: Answers, *, is_direct: bool = False) -> DryRun:
    """What the workflow would do with the event. `is_direct`: past its rule, as when it is run by hand."""
    decided = subject.decide(event, is_direct=is_direct)
    with masking_emails(subject.policy.mask_emails is not None):
        decided.explain = subject.explain(event)
    told = {"id": str(event.id), "type": event.type, "source": event.source}
    report = DryRun(decided, told, recorded_run_id=answers.recorded.run_id if answers.recorded else None)
    if decided.matches:
        asyncio.run(_follow(subject, event, answers, report))
    return report


def dry_runs(subject: Subject, events: Iterable[tuple[EventData, Answers]]) -> list[DryRun]:
    """The paths of events that start the workflow, one after the other; without their decisions' trees."""
    reports = []

    async def follow() -> None:
        for event, answers in events:
            reports.append(DryRun(Decided(True, ""), {"id": str(event.id), "type": event.type, "source": event.source}))
            await _follow(subject, event, answers, reports[-1])

    asyncio.run(follow())
    return reports


async def _follow(subject: Subject, event: EventData, answers: Answers, report: DryRun) -> None:
    clock, trace = JumpingClock(event.received_at), Trace()
    run = new_run(event, subject.candidate, now=clock.now())
    recorded = answers.recorded.secrets if answers.recorded is not None else ()
    run.remember([*map(SecretValue, sensitive_values(event.payload)), *recorded])  # a template must not unmask them
    attempts = DryAttempts(clock=clock, answers=answers, policy=subject.policy, trace=trace)
    advancer = DryAdvancer(attempts=attempts, clock=clock)
    until = time.process_time() + MAX_SECONDS
    must_stop: Callable[[], bool] = lambda: trace.begun >= MAX_ATTEMPTS or time.process_time() > until  # noqa: E731
    hands = Hands(None, _guard(subject), _never, must_stop, _never_in_database, b"")
    while True:
        await advancer.advance(run, hands)
        if run.status != "waiting" or run.schedule.next_at is None:
            break
        clock.jump(run.schedule.next_at)
    _conclude(report, run, trace, clock.now())


def _conclude(report: DryRun, run: RunProgress, trace: Trace, now: datetime) -> None:
    report.steps = trace.path(run)
    report.status, report.error = run.status, run.error
    if run.status not in ("succeeded", "failed", "cancelled", "held"):
        report.status = LIMIT
        report.limit = f"Stopped after {trace.begun:,} attempts; a dry run takes at most {MAX_ATTEMPTS:,}, and 10 s."
    report.is_certain = not any(step.needs for step in report.steps)
    report.waited_seconds = (now - run.created_at).total_seconds()


def _guard(subject: Subject) -> Guard:
    """The subject's policy has the workflow's own rules in it."""
    known = {subject.candidate.version.id: None}
    return Guard(subject.policy, in_database=_never_in_database, inside=nullcontext, rules=known)


async def _never() -> None:
    raise AssertionError("a dry run writes nothing")


async def _never_in_database(work: Callable[[], Any]) -> Any:
    raise AssertionError("a dry run asks no database")
