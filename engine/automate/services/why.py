"""Why an event did or did not start each workflow, long after: decisions are kept, their trees are worked out again.

Events, versions and decisions never change and a rule depends on nothing else, so the tree of today is that of then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automate import rules
from automate.models import Event, MatchDecision, Workflow, WorkflowVersion
from automate.rules.masking import failed_node, masked, part_at, sensitive_values
from automate.rules.words import condition_in_words
from automate_governance.redaction import redact_text
from automate_governance.redaction.current import masking_emails

_FLOW = {
    "halted": "It matched while the workflow was halted: its run waits until somebody resumes the workflow.",
    "halted_then_resumed": "It matched while the workflow was halted; its run went on when it was resumed.",
    "debounced": "It matched and waits for the end of the burst; the burst's last event makes the run.",
    "debounced_by_later": "It matched; a later event of the same burst made the run.",
    "debounce_latest": "It matched, and was the last event of its burst.",
    "batched": "It matched and makes a run together with other events.",
    "batch": "The events that it holds made this run together.",
}


@dataclass(frozen=True)
class Why:
    """One workflow's answer to one event."""

    decision: str  # started | no_match | held
    reason: str  # the kept code: rule_true, rule_false, direct, no_workflow, "rule_error: ..."
    sentence: str  # for people
    workflow: Workflow | None  # None: nothing listens for the event
    version: WorkflowVersion | None
    run_id: str | None
    failed_at: str  # JSON pointer into the rule; "" is the rule as a whole, or nothing failed
    condition: str  # the failing condition in words, such as `payload.amount > 100`
    seen: list[Any]  # the values that condition was given
    tree: dict[str, Any] | None  # of automate.rules.explain; None when no rule was asked
    masks_emails: bool = False  # the version's own policy does, in whatever is shown of the event

    @property
    def has_run(self) -> bool:
        return self.run_id is not None


def explain_event(event: Event, *, raw: bool = False) -> list[Why]:
    """One Why per decision, those that started a run first; [] while the event waits to be matched.

    What the payload holds under sensitive names is masked, unless `raw` (permission `view_raw_payload`). Two queries;
    a third for workflows whose version is not there.
    """
    decisions = list(MatchDecision.objects.filter(event_id=event.pk).order_by("id"))
    versions = WorkflowVersion.objects.select_related("workflow").in_bulk(
        [d.version_id for d in decisions if d.version_id]
    )
    workflows = {version.workflow_id: version.workflow for version in versions.values()}
    if unknown := {d.workflow_id for d in decisions if d.workflow_id} - workflows.keys():
        workflows |= Workflow.objects.in_bulk(unknown)
    context = rule_context(event)
    hidden = () if raw else sensitive_values(event.payload)
    with masking_emails(not raw and any(map(masks_emails, versions.values()))):
        return [
            _why(decision, event, context, hidden, workflows, versions, raw=raw)
            for decision in sorted(decisions, key=lambda d: d.run_id is None)
        ]


def masks_emails(version: WorkflowVersion) -> bool:
    """Whether the version's own policy has e-mail addresses masked."""
    return bool((version.options.get("policy") or {}).get("mask_emails"))


def rule_context(event: Event) -> dict[str, Any]:
    """What a rule sees of an event."""
    return {
        "payload": event.payload,
        "event": {
            "id": str(event.pk),
            "type": event.type,
            "source": event.source,
            "received_at": event.received_at.isoformat(),
            "trace_id": event.trace_id.hex,
        },
    }


def _why(
    decision: MatchDecision,
    event: Event,
    context: dict[str, Any],
    hidden: tuple[str, ...],
    workflows: dict[Any, Workflow],
    versions: dict[Any, WorkflowVersion],
    *,
    raw: bool,
) -> Why:
    version = versions.get(decision.version_id)
    tree = None
    if version is not None and version.rule is not None and decision.reason != "direct":
        tree = rules.explain(version.rule, context)
        if not raw:
            tree = masked(tree, version.rule, hidden)
    failed = failed_node(tree) if tree is not None and decision.run_id is None else None
    condition = ""
    if failed is not None and version is not None:
        condition = condition_in_words(part_at(version.rule, failed["pointer"]))
    return Why(
        decision=decision.decision,
        reason=decision.reason,
        sentence=redact_text(_sentence(decision, event, condition, failed, has_rule=tree is not None)),
        workflow=workflows.get(decision.workflow_id),
        version=version,
        run_id=str(decision.run_id) if decision.run_id else None,
        failed_at=decision.failed_at or (failed["pointer"] if failed else ""),
        condition=condition,
        seen=list(failed.get("inputs", [])) if failed else [],
        tree=tree,
        masks_emails=version is not None and masks_emails(version),
    )


def _sentence(
    decision: MatchDecision, event: Event, condition: str, failed: dict[str, Any] | None, *, has_rule: bool
) -> str:
    reason = decision.reason
    if reason == "no_workflow":
        return f"No live workflow listens for events of type {event.type} from {event.source}."
    if reason == "direct":
        return "Started by name, past its rule."
    if reason == "rule_true":
        return "The event is the trigger's, and " + ("the rule matched." if has_rule else "there is no rule.")
    if reason == "rule_false":
        return f"This condition was not met: {condition}" if condition else "The rule did not match."
    if reason in _FLOW:
        return _FLOW[reason]
    if reason.startswith("key_error"):
        return f"It matched; the key of its flow control could not be made: {reason.partition(': ')[2]}"
    if reason.startswith("rule_error"):
        error = (failed or {}).get("error") or reason.partition(": ")[2]
        return f"The rule could not be evaluated: {error}"
    return reason
