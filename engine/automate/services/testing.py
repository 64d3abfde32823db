"""Trying a workflow without effects: one event or payload (`dry_run`), or what came in the past (`backtest`).

Neither sends anything nor writes anything. Policy is asked as ever, and what it would deny is part of the report.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from automate.definitions import find_problems
from automate.definitions.rule_tests import TEST_FAILED
from automate.dryrun import Answers, Backtest, DryRun, Stubs, Subject
from automate.dryrun import backtest as try_span
from automate.dryrun import dry_run as try_event
from automate.dryrun.events import example_event
from automate.dryrun.recorded import recorded_runs
from automate.models import Event, MatchDecision, WebhookEndpoint, WorkflowVersion
from automate.outbox.store import EventData
from automate.policy.stored import effective_policy
from automate.rules.masking import sensitive_values
from automate.services.errors import InvalidDraft
from automate_governance.errors import Invalid, NotFound


def dry_run(
    *,
    definition: dict[str, Any],
    now: datetime,
    version: WorkflowVersion | None = None,
    workflow_id: UUID | None = None,
    payload: Any = None,
    event_id: UUID | None = None,
    stubs: Any = None,
    is_direct: bool = False,
) -> DryRun:
    """What the definition would do with a payload, or with a past event and the answers that were recorded for it.

    `version`: the published version whose definition it is; `workflow_id`: whose recorded runs give answers. Raises
    InvalidDraft with every error of the definition, NotFound for an event that is gone, Invalid for malformed stubs.
    """
    workflow_id = version.workflow_id if version is not None else workflow_id
    subject = _subject(definition, version, workflow_id)
    given = Stubs.parse(stubs or {})
    is_direct = is_direct or definition["trigger"]["type"] == "manual"
    if event_id is None:
        return try_event(subject, event_of(definition, payload, now=now), _answers(subject, given), is_direct=is_direct)
    event = _event(event_id)
    decision = MatchDecision.objects.filter(event_id=event_id, workflow_id=workflow_id).first() if workflow_id else None
    run_id = decision.run_id if decision is not None else None
    recorded = recorded_runs([run_id]).get(run_id) if run_id else None
    if recorded is not None:
        recorded = recorded.masked(sensitive_values(event.payload))
    is_direct = is_direct or (decision is not None and decision.reason == "direct")
    return try_event(subject, event, Answers(given, recorded, subject.samples), is_direct=is_direct)


def backtest(
    *,
    workflow_id: UUID,
    definition: dict[str, Any],
    since: datetime,
    until: datetime,
    version: WorkflowVersion | None = None,
    max_events: int | None = None,
    max_seconds: float | None = None,
) -> Backtest:
    """What the definition would have done with the events of a span, against what the workflow decided and did.

    Raises InvalidDraft; Invalid for a span that ends before it begins.
    """
    if since >= until:
        raise Invalid("The span ends before it begins.", details={"param": "since"})
    subject = _subject(definition, version, workflow_id)
    return try_span(
        subject,
        workflow_id=workflow_id,
        since=since,
        until=until,
        max_events=max_events,
        max_seconds=max_seconds,
    )


def refuse_unrunnable(definition: dict[str, Any]) -> None:
    """Raise InvalidDraft with every error that keeps it from running; a rule test that fails does not."""
    found = find_problems(definition)
    if errors := [problem for problem in found if problem.is_error and problem.code != TEST_FAILED]:
        raise InvalidDraft(errors)


def event_of(definition: dict[str, Any], payload: Any, *, now: datetime) -> EventData:
    """An event such as the definition's trigger listens for, with this payload. It is not stored."""
    trigger = definition["trigger"]
    type_ = _endpoint_type(trigger["endpoint"]) if trigger["type"] == "webhook" else None
    return example_event(definition, payload, now=now, type_=type_)


def _endpoint_type(slug: str) -> str:
    found = WebhookEndpoint.objects.filter(slug=slug).values_list("event_type", flat=True).first()
    return found or "webhook.received"


def _subject(definition: dict[str, Any], version: WorkflowVersion | None, workflow_id: UUID | None) -> Subject:
    if version is None:
        refuse_unrunnable(definition)
    return Subject.of(
        definition,
        policy=effective_policy(),
        workflow_id=workflow_id,
        version_id=version.id if version else None,
        version_num=version.version_num if version else 0,
    )


def _answers(subject: Subject, stubs: Stubs) -> Answers:
    return Answers(stubs, None, subject.samples)


def _event(event_id: UUID) -> EventData:
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise NotFound("There is no such event.", details={"id": str(event_id)})
    return EventData(event.id, event.type, event.source, event.payload, event.trace_id, event.received_at)
