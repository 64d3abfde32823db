"""What is allowed in a rule and hardly meant: told when it is published, and no obstacle.

Everything said here is so for every event there could be; what only may be so is not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automate.definitions.problem import Problem
from automate.rules.conflicts import find_conflict
from automate.rules.outcomes import FALSE, TRUE, Analysis
from automate.rules.tree import arguments, is_scalar, operator_of, walk
from automate.rules.words import condition_in_words

_ORDER = frozenset({"<", "<=", ">", ">="})


def find_rule_warnings(rule_spec: Any) -> list[Problem]:
    """Of a rule without problems: never matches, always matches, contradicts itself, orders texts as if numbers."""
    if not isinstance(rule_spec, dict):
        return []
    return [*_never_or_always(rule_spec), *_contradictions(rule_spec), *_texts_for_numbers(rule_spec)]


def _never_or_always(rule: dict[str, Any]) -> Iterator[Problem]:
    analysis = Analysis()
    found = analysis.outcomes(rule)
    if TRUE not in found:
        path, node = _culprit(rule, analysis)
        how = "fails on every event" if FALSE not in found else "is true for no event"
        message = f"The rule never matches: `{condition_in_words(node)}` {how}."
        yield Problem(path, "never_matches", message, "warning")
    elif found == {TRUE}:
        yield Problem("", "always_matches", "The rule matches every event; null says the same.", "warning")


def _culprit(rule: Any, analysis: Analysis) -> tuple[str, Any]:
    """The innermost condition that keeps the rule from being true."""
    path = ""
    while operator_of(rule) == "and":
        never = [(below, part) for below, part in arguments(rule) if TRUE not in analysis.outcomes(part)]
        if not never:
            break
        path, rule = path + never[0][0], never[0][1]
    return path, rule


def _contradictions(rule: dict[str, Any]) -> Iterator[Problem]:
    inside: set[str] = set()  # of an `and` in an `and`: told with the outer one
    for path, node, _depth, _other in walk(rule):
        if operator_of(node) != "and":
            continue
        inside |= {path + below for below, part in arguments(node) if operator_of(part) == "and"}
        if path in inside or (conflict := find_conflict(node)) is None:
            continue
        first, second = conflict
        message = f"This is never true together with {path}{first}: one value cannot be both."
        yield Problem(path + second, "contradiction", message, "warning")


def _texts_for_numbers(rule: dict[str, Any]) -> Iterator[Problem]:
    for path, node, _depth, _other in walk(rule):
        if operator_of(node) not in _ORDER:
            continue
        given = arguments(node)
        if all(is_scalar(part) for _below, part in given):
            continue
        for below, part in given:
            if isinstance(part, str) and _is_number(part):
                message = (
                    f'"{part}" is a text: a number is compared with it as a number, but a text letter by letter, '
                    f'so "20" comes after "100". Write {part.strip()} without quotes.'
                )
                yield Problem(path + below, "text_for_number", message, "warning")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return any(character.isdigit() for character in text)
