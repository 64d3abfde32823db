"""The Rule Tester: a rule asked about a payload or a past event, and test cases kept in a workflow's draft.

Whoever asks sees whether each condition was met and with which values; what an event hides under sensitive names stays
masked, and so does what was made of it (`automate.rules.masking`). A rule of the caller's own does not even read it:
it is asked about the event as pages show it, because a rule that may be chosen freely could ask for every letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from automate import host
from automate.definitions import find_problems, pointer
from automate.definitions.rule_tests import TEST_FAILED, RuleTest, Verdict, context_of, run_tests
from automate.models import Event, Workflow
from automate.rules import Told, find_rule_problems, tell
from automate.services.errors import InvalidDraft
from automate.services.masked_events import masked_for
from automate.services.why import rule_context
from automate.services.workflows import locked, save_draft
from automate_governance.errors import NotFound
from automate_governance.redaction import redact
from automate_governance.redaction.current import masking_emails


@dataclass(frozen=True)
class Tried:
    """What a rule says. `event` is what it saw of the event besides the payload; `id` is None when it is made up."""

    told: Told
    event: Mapping[str, str | None]
    is_as_shown: bool = False  # the payload was read with its masks in place


def try_payload(definition: dict[str, Any], payload: Any, *, event: dict[str, str] | None = None) -> Tried:
    """The definition's rule about a payload, as one of its test cases would ask it; `event` may have `type`, `source`.

    A draft may be unfinished. Raises InvalidDraft where its rule cannot be used.
    """
    context = context_of(RuleTest(0, "", payload, True, event or {}), definition)
    seen = context["event"]
    return Tried(_tell(definition.get("rule"), context), {"id": None, "type": seen["type"], "source": seen["source"]})


def try_event(definition: dict[str, Any], event_id: UUID, *, is_own_rule: bool = False) -> Tried:
    """The definition's rule about a past event. `is_own_rule`: nobody saved or published it.

    Raises InvalidDraft where the rule cannot be used, and NotFound for an event that is gone.
    """
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise NotFound("There is no such event.", details={"id": str(event_id)})
    context = rule_context(event)
    shown = {"id": str(event.pk), "type": event.type, "source": event.source}
    with masked_for(event), masking_emails(_masks_emails(definition)):
        if is_own_rule:
            context = {**context, "payload": redact(event.payload)}
        return Tried(_tell(definition.get("rule"), context), shown, is_as_shown=is_own_rule)


def _masks_emails(definition: dict[str, Any]) -> bool:
    policy = definition.get("policy")
    return isinstance(policy, dict) and policy.get("mask_emails") is True


def run_rule_tests(definition: dict[str, Any], rule: Any) -> list[Verdict]:
    """Each test case of `definition` asked of `rule`, which may be another version's."""
    return run_tests({**definition, "rule": rule})


@transaction.atomic
def add_rule_test(
    *,
    workflow_id: UUID,
    name: str,
    payload: Any,
    expected: bool,
    expected_revision: int,
    actor: str,
    now: datetime,
    event: dict[str, str] | None = None,
) -> Workflow:
    """Put a case at the end of the draft's tests, its payload masked: a definition holds nothing that is sensitive.

    Whether the rule meets it does not matter here: publishing asks. Raises NotFound, Conflict when the draft is no
    longer at `expected_revision`, and InvalidDraft for a name that is taken or blank, one case too many or too large.
    """
    draft = locked(workflow_id).draft
    with masking_emails(_masks_emails(draft)):
        masked = redact(payload)
    case = {"name": name, **({"event": event} if event else {}), "payload": masked, "expected": expected}
    cases = [*_cases(draft), case]
    definition = {**draft, "tests": cases}
    _refuse(definition, len(cases) - 1)
    return save_draft(
        workflow_id=workflow_id, definition=definition, expected_revision=expected_revision, actor=actor, now=now
    )


@transaction.atomic
def remove_rule_test(
    *, workflow_id: UUID, position: int, expected_revision: int, actor: str, now: datetime
) -> Workflow:
    """Take the case at `position`, from 0, out of the draft. Raises Conflict, and NotFound also for the case."""
    draft = locked(workflow_id).draft
    cases = _cases(draft)
    if not 0 <= position < len(cases):
        raise NotFound("The draft has no such test.", details={"position": position})
    left = cases[:position] + cases[position + 1 :]
    definition = {name: value for name, value in draft.items() if name != "tests"} | ({"tests": left} if left else {})
    return save_draft(
        workflow_id=workflow_id, definition=definition, expected_revision=expected_revision, actor=actor, now=now
    )


def _tell(rule: Any, context: dict[str, Any]) -> Told:
    if problems := find_rule_problems(rule):
        raise InvalidDraft([problem.below("/rule") for problem in problems])
    with masking_emails(host.current().masks_emails()):
        return tell(rule, context)


def _cases(draft: dict[str, Any]) -> list[Any]:
    cases = draft.get("tests")
    return list(cases) if isinstance(cases, list) else []


def _refuse(definition: dict[str, Any], position: int) -> None:
    """Raise InvalidDraft with what is wrong with the new case itself, or with all of them together."""
    here = pointer("tests", position)
    found = [p for p in find_problems(definition) if p.is_error and p.code != TEST_FAILED]
    if wrong := [p for p in found if p.path in {"/tests", here} or p.path.startswith(f"{here}/")]:
        raise InvalidDraft(wrong)
