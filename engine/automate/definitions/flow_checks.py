"""What is wrong with the flow control of a definition, beyond its form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automate import templating  # the package, not its names: it imports Problem from beside us
from automate.definitions.problem import Problem, pointer

NAMES = ("concurrency", "order", "debounce", "batch")


def find_flow_problems(definition: dict[str, Any]) -> Iterator[Problem]:
    """Keys that are no templates over the event, times that contradict each other, two ways to gather events."""
    for name in NAMES:
        spec = definition.get(name)
        if isinstance(spec, dict) and isinstance(spec.get("key"), str):
            for problem in templating.find_template_problems(spec["key"], known_steps=()):
                yield problem.below(pointer(name, "key"))
    debounce, batch = definition.get("debounce"), definition.get("batch")
    if isinstance(debounce, dict):
        seconds, longest = debounce.get("seconds"), debounce.get("max_seconds")
        if isinstance(seconds, (int, float)) and isinstance(longest, (int, float)) and longest < seconds:
            message = '"max_seconds" must be at least "seconds".'
            yield Problem(pointer("debounce", "max_seconds"), "flow_times", message)
        if isinstance(batch, dict):
            message = "Events are gathered by debounce or by batch, not by both."
            yield Problem(pointer("batch"), "flow_twice", message)
