"""A definition that has been checked, as the runtime reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from automate.definitions.canonical import same


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how soon a failed step is tried again. The defaults wait 5 s, 30 s, 3 min."""

    attempts: int = 4  # the first one included
    base_seconds: float = 5
    factor: float = 6
    cap_seconds: float = 3600


@dataclass(frozen=True)
class StepDefinition:
    """One step of a version. `idempotent` is the author's word that repeating it does no harm."""

    id: str
    connector: str
    action: str
    params: dict[str, Any] = field(default_factory=dict)  # templates and secret references still in it
    retry: RetryPolicy = RetryPolicy()
    timeout_seconds: float = 60.0
    idempotent: bool = False
    position: int = 0  # in the version's list, from 0
    name: str = ""


def parse_steps(steps_json: list[dict[str, Any]]) -> tuple[StepDefinition, ...]:
    """The steps of a published version, which `find_problems` let through.

    >>> parse_steps([{"id": "a", "connector": "core", "action": "log", "retry": {"attempts": 2}}])[0].retry
    RetryPolicy(attempts=2, base_seconds=5, factor=6, cap_seconds=3600)
    """
    return tuple(_step(step, position) for position, step in enumerate(steps_json))


def _step(step: dict[str, Any], position: int) -> StepDefinition:
    return StepDefinition(
        id=step["id"],
        connector=step["connector"],
        action=step["action"],
        params=step.get("params") or {},
        retry=RetryPolicy(**step.get("retry") or {}),
        timeout_seconds=float(step.get("timeout_seconds", StepDefinition.timeout_seconds)),
        idempotent=bool(step.get("idempotent", False)),
        position=position,
        name=step.get("name", ""),
    )


@dataclass(frozen=True)
class Draft:
    """A definition without problems, taken apart as a version stores it."""

    slug: str
    name: str
    trigger: dict[str, Any]
    rule: dict[str, Any] | None
    steps: list[dict[str, Any]]
    note: str = ""

    @classmethod
    def parse(cls, definition: dict[str, Any]) -> Draft:
        """Of a definition for which `find_problems` found none."""
        return cls(
            slug=definition["slug"],
            name=definition["name"],
            trigger=definition["trigger"],
            rule=definition.get("rule"),
            steps=definition["steps"],
            note=definition.get("note", ""),
        )

    def says_the_same_as(self, trigger: Any, rule: Any, steps: Any) -> bool:
        """Whether a version with these parts runs exactly as this draft would."""
        return same([self.trigger, self.rule, self.steps], [trigger, rule, steps])
