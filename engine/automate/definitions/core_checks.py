"""What the built-in steps that wait ask for beyond their params' types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automate import rules
from automate.definitions.problem import Problem

AWAITED_ROOTS = ("payload", "event")  # what the rule of an awaited event reads: that event


def find_core_problems(step: dict[str, Any]) -> Iterator[Problem]:
    """Problems of a `core` step with pointers into it."""
    params = step.get("params")
    if step.get("connector") != "core" or not isinstance(params, dict):
        return
    action = step.get("action")
    if action == "wait" and ("seconds" in params) == ("until" in params):
        yield Problem("/params", "wrong_param", "Say how long: either `seconds` or `until`.")
    if action == "wait_for_event" and isinstance(params.get("rule"), dict):
        for problem in rules.find_rule_problems(params["rule"], known_roots=AWAITED_ROOTS):
            yield problem.below("/params/rule")
