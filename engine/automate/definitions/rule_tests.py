"""Rule test cases: payloads that a definition names, each with whether its rule must match them.

A case is asked of the rule alone: whether the trigger listens, and what the steps would do, is for `dry_run`. The event
around the payload is the same each time (its id is zero, it came in when 2026 began), so what passes today passes
tomorrow. A rule that cannot be evaluated for a payload neither matches nor not: such a case fails whatever it expects.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from automate import rules  # the package, not its names: it imports Problem from beside us
from automate.definitions.problem import Problem, pointer
from automate.triggers.examples import example_of

TEST_FAILED = "rule_test_failed"
MAX_TESTS = 100
MAX_BYTES = 262_144  # of all cases together, as compact JSON
MAX_EXPLAINED = 10  # failing cases whose condition is told; the others are only named
EXPLAIN_SECONDS = 0.5  # of processor time, after which no other is explained; one may take what `explain` may
_EVENT = {
    "id": str(UUID(int=0)),
    "received_at": "2026-01-01T00:00:00+00:00",
    "trace_id": "0" * 32,
}


@dataclass(frozen=True)
class RuleTest:
    """One case. `position` is its place in the definition's `tests`, from 0; `event` may name a type and a source."""

    position: int
    name: str
    payload: Any
    expected: bool
    event: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What the rule says to one case. `matches` is None when it cannot be evaluated; then `error` may say why."""

    test: RuleTest
    matches: bool | None
    error: str = ""
    condition: str = ""  # the first failing condition in words, of a case that fails because the rule does not match
    seen: tuple[Any, ...] = ()  # the values that condition was given

    @property
    def passed(self) -> bool:
        return self.matches is self.test.expected

    @property
    def sentence(self) -> str:
        """What was expected and what came, in words.

        >>> Verdict(RuleTest(0, "small", {}, True), False, condition="payload.total > 100", seen=(5, 100)).sentence
        'Expected a match, got none: payload.total > 100 was not met; it saw 5, 100.'
        """
        expected = "a match" if self.test.expected else "no match"
        if self.matches is None:
            return f"Expected {expected}, and the rule cannot be evaluated{': ' + self.error if self.error else '.'}"
        if self.passed:
            return f"Expected {expected}, got {'one' if self.matches else 'none'}."
        if self.matches:
            return "Expected no match, and the rule matches."
        if not self.condition:
            return "Expected a match, got none."
        saw = f"; it saw {', '.join(map(_short, self.seen))}" if self.seen else ""
        return f"Expected a match, got none: {self.condition} was not met{saw}."


def parse_tests(definition: dict[str, Any]) -> tuple[RuleTest, ...]:
    """The well-formed cases of a definition; a draft may hold others."""
    listed = definition.get("tests")
    return tuple(
        RuleTest(position, case["name"], case["payload"], case["expected"], case.get("event") or {})
        for position, case in enumerate(listed if isinstance(listed, list) else [])
        if _is_well_formed(case)
    )


def context_of(test: RuleTest, definition: dict[str, Any]) -> dict[str, Any]:
    """What the rule sees of a case."""
    type_, source = _example(definition)
    return {"payload": test.payload, "event": {**_EVENT, "type": type_, "source": source, **test.event}}


def event_differences(definition: dict[str, Any], event: dict[str, str]) -> dict[str, str]:
    """Of an event's type and source, what a case has to name because the definition's trigger says otherwise."""
    usual = dict(zip(("type", "source"), _example(definition), strict=True))
    return {name: value for name, value in event.items() if value != usual[name]}


def run_tests(definition: dict[str, Any]) -> list[Verdict]:
    """Each well-formed case asked of the definition's rule, in order; what is told of payloads is masked."""
    rule, explained = definition.get("rule"), 0
    until = time.thread_time() + EXPLAIN_SECONDS
    verdicts = []
    for test in parse_tests(definition):
        verdict = _asked(test, rule, context_of(test, definition))
        if not verdict.passed and not verdict.matches and explained < MAX_EXPLAINED and time.thread_time() < until:
            explained += 1
            told = rules.tell(rule, context_of(test, definition))
            verdict = replace(verdict, error=told.error, condition=told.condition, seen=tuple(told.seen))
        verdicts.append(verdict)
    return verdicts


def find_test_problems(definition: dict[str, Any]) -> Iterator[Problem]:
    """Too large, a name twice, and every case that the rule as it stands does not meet."""
    cases = definition.get("tests")
    if not isinstance(cases, list):
        return
    if (size := _size(cases)) > MAX_BYTES:
        yield Problem("/tests", "tests_too_large", f"The tests have {size:,} bytes; at most {MAX_BYTES:,} are allowed.")
        return
    if len(cases) > MAX_TESTS:
        return  # the schema says so
    first: dict[str, int] = {}
    for test in parse_tests(definition):
        if first.setdefault(test.name, test.position) != test.position:
            message = f'"{test.name}" is the name of test {first[test.name] + 1} already.'
            yield Problem(pointer("tests", test.position, "name"), "duplicate_test", message)
    if rules.find_rule_problems(definition.get("rule")):
        return
    for verdict in run_tests(definition):
        if not verdict.passed:
            message = f'Test "{verdict.test.name}" fails. {verdict.sentence}'
            yield Problem(pointer("tests", verdict.test.position, "expected"), TEST_FAILED, message)


def _asked(test: RuleTest, rule: Any, context: dict[str, Any]) -> Verdict:
    try:
        return Verdict(test, rules.evaluate(rule, context))
    except rules.RuleFailed:
        return Verdict(test, None)


def _example(definition: dict[str, Any]) -> tuple[str, str]:
    """As the trigger says; a draft's trigger may be unfinished."""
    try:
        type_, source = example_of(definition["trigger"], str(definition.get("slug", "")))
    except (KeyError, TypeError, IndexError, AttributeError):
        return "", ""
    return str(type_), str(source)


def _is_well_formed(case: Any) -> bool:
    if not (isinstance(case, dict) and isinstance(case.get("name"), str) and isinstance(case.get("expected"), bool)):
        return False
    event = case.get("event", {})
    return "payload" in case and isinstance(event, dict) and all(isinstance(value, str) for value in event.values())


def _size(cases: list[Any]) -> int:
    return len(json.dumps(cases, ensure_ascii=False, separators=(",", ":")).encode())


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"
