"""Matching: which workflows an event starts, and the reason for each that it does not. Pure; the caller writes.

Versions are indexed by what can trigger them, so an event meets only the workflows that listen for it, however many
there are. The full explain tree is not made here: it is recomputed from the immutable event and version when asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from automate import ids
from automate.definitions import Plan, parse_plan
from automate.execution.flow.spec import Flow, parse_flow
from automate.outbox.store import ActiveVersion, DecisionRow, EventData
from automate.rules import CompiledRule, DataHandle, RuleFailed, compile_rule, prepare
from automate.triggers.keys import ENDINGS, event_keys, is_meant, version_keys

NO_WORKFLOW = "no_workflow"
RULE_TRUE = "rule_true"
RULE_FALSE = "rule_false"


@dataclass(frozen=True)
class Candidate:
    """A live version, ready to be matched and run."""

    version: ActiveVersion
    rule: CompiledRule | RuleFailed | None  # None matches every event; a rule that does not compile matches none
    plan: Plan
    flow: Flow | None = None


class RuleEngine:
    """Finds the active workflows for an event among the versions it was given (seeds: "The Worker Loop")."""

    def __init__(
        self,
        versions: Iterable[ActiveVersion],
        *,
        halted: frozenset[UUID] = frozenset(),
        known: Mapping[UUID, Candidate] | None = None,
    ):
        """`known`: what an engine before this one made of versions that may be active still; they never change."""
        self.halted = halted  # workflows whose runs are made and wait
        self.known: dict[UUID, Candidate] = {}
        self._by_trigger: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
        self._heard: dict[tuple[UUID, str], str] = {}
        for version in versions:
            candidate = self.known[version.id] = _candidate(version, known or {})
            if version.hears_id is not None:
                slug = str(version.trigger_spec["workflow"])
                self._heard.update({(version.hears_id, e): slug for e in version.trigger_spec.get("on", ENDINGS)})
            for key in version_keys(version.trigger_spec, version.slug):
                self._by_trigger[key].append(candidate)

    def candidates(self, event: EventData) -> list[Candidate]:
        """Every version that listens for this event, whatever its rule says."""
        found = [candidate for key in event_keys(event) for candidate in self._by_trigger.get(key, ())]
        return [candidate for candidate in found if is_meant(candidate.version.trigger_spec, event)]

    def heard_as(self, workflow_id: UUID, ending: str) -> str | None:
        """The slug of a workflow, when a version listens for this ending of it."""
        return self._heard.get((workflow_id, ending))

    def decide(self, event: EventData, *, now: datetime) -> tuple[list[DecisionRow], list[Candidate]]:
        """The decision for each candidate, with its reason, and the candidates to run.

        An event that nothing listens for has one decision without a workflow: it is answered for too.
        """
        candidates = self.candidates(event)
        if not candidates:
            return [DecisionRow(event.id, None, None, None, "no_match", NO_WORKFLOW, "", now, event.trace_id)], []
        context = _Context(event)
        decisions, matched = [], []
        for candidate in candidates:
            is_match, reason, failed_at = _ask(candidate.rule, context)
            version = candidate.version
            run = ids.run_id(event.id, version.workflow_id) if is_match else None
            decision = "started" if is_match else "no_match"
            workflow = version.workflow_id
            decisions.append(
                DecisionRow(event.id, workflow, version.id, run, decision, reason, failed_at, now, event.trace_id)
            )
            if is_match:
                matched.append(candidate)
        return decisions, matched


def event_context(event: EventData) -> dict[str, Any]:
    """What rules and templates see of an event."""
    return {"payload": event.payload, "event": event.shown}


def _candidate(version: ActiveVersion, known: Mapping[UUID, Candidate]) -> Candidate:
    if not version.is_known:
        return Candidate(
            version, _compiled(version), parse_plan(version.steps, version.options), parse_flow(version.options)
        )
    before = known[version.id]
    own = before.version
    same = replace(version, rule=own.rule, steps=own.steps, options=own.options, is_known=False)
    return replace(before, version=same)


def _compiled(version: ActiveVersion) -> CompiledRule | RuleFailed | None:
    """A rule that does not compile (made by an older release) must not keep the tenant's other workflows from
    running.
    """
    try:
        return compile_rule(version.rule) if version.rule else None
    except RuleFailed as error:
        return error


class _Context:
    """An event as rules read it: prepared once for all of them, when the first one asks."""

    def __init__(self, event: EventData):
        self._event = event
        self._prepared: DataHandle | None = None

    def prepared(self) -> DataHandle:
        """Raises RuleFailed for data that no rule can read; so it does for the next rule."""
        if self._prepared is None:
            self._prepared = prepare(event_context(self._event))
        return self._prepared


def _ask(rule: CompiledRule | RuleFailed | None, context: _Context) -> tuple[bool, str, str]:
    """Whether it matches, the reason, and where in the rule it failed (a JSON pointer; 1 us)."""
    if rule is None:
        return True, RULE_TRUE, ""
    try:
        if isinstance(rule, RuleFailed):
            raise rule
        handle = context.prepared()
        if rule.matches(handle):
            return True, RULE_TRUE, ""
        return False, RULE_FALSE, rule.first_failure(handle)
    except RuleFailed as error:
        # What was thrown may come from the payload, which is shown masked only: explain tells it, a decision does not.
        told = "The rule threw an error." if "thrown" in error.details else str(error)
        return False, f"rule_error: {told}"[:300], ""
