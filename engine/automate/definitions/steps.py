"""A definition that has been checked, as the runtime reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal, cast

from automate import configuration
from automate.definitions.canonical import same

MAX_ATTEMPTS = 20  # of one step; a version of an earlier release may ask for more
MAX_ITEMS = 1_000  # of one fan-out
COMPENSATE = ".compensate"  # what a compensation's step id ends in: no id of a definition does

OnError = Literal["fail", "continue"]


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how soon a failed step is tried again. The defaults wait 5 s, 30 s, 3 min."""

    attempts: int = 4  # the first one included
    base_seconds: float = 5
    factor: float = 6
    cap_seconds: float = 3600
    retry_on: tuple[str, ...] = ()  # error codes to try again after; () leaves it to the error


@dataclass(frozen=True)
class ForEach:
    """A fan-out: `items` is a list or a template that gives one."""

    items: Any
    concurrency: int = 10  # items in flight at once
    on_item_error: OnError = "fail"


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
    position: int = 0  # in the version's list, from 0; handler and finally steps follow
    name: str = ""
    needs: tuple[str, ...] = ()  # ids of the steps that must have ended before
    when: dict[str, Any] | None = None  # JSONLogic
    foreach: ForEach | None = None
    on_error: OnError = "fail"  # for good, after the handler steps where there are any
    handler: tuple[StepDefinition, ...] = ()  # each needs the one before
    compensate: StepDefinition | None = None


def parse_steps(steps_json: list[dict[str, Any]]) -> tuple[StepDefinition, ...]:
    """The steps of a published version, which `find_problems` let through.

    >>> parse_steps([{"id": "a", "connector": "core", "action": "log", "retry": {"attempts": 2}}])[0].retry
    RetryPolicy(attempts=2, base_seconds=5, factor=6, cap_seconds=3600, retry_on=())
    """
    place = count(len(steps_json))  # of handler steps, behind all others
    return tuple(_step(step, position, needs, place) for position, (step, needs) in enumerate(with_needs(steps_json)))


def parse_chain(steps_json: list[dict[str, Any]], *, position: int) -> tuple[StepDefinition, ...]:
    """Finally steps: one after the other, numbered from `position` on."""
    place = count(position)
    return tuple(_step(step, next(place), needs, place) for step, needs in with_needs(steps_json))


def with_needs(steps_json: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Each step with what it needs: what it says, else the step before it in the list.

    >>> [needs for _, needs in with_needs([{"id": "a"}, {"id": "b"}, {"id": "c", "needs": []}])]
    [(), ('a',), ()]
    """
    before: tuple[str, ...] = ()
    for step in steps_json:
        needs = step.get("needs")
        yield step, before if needs is None else tuple(dict.fromkeys(needs))
        before = (step["id"],)


def _step(
    step: dict[str, Any], position: int, needs: tuple[str, ...] = (), place: Iterator[int] | None = None
) -> StepDefinition:
    said: Any = step.get("on_error") or "fail"
    handler = said["steps"] if isinstance(said, dict) else []
    on_error: OnError = cast("OnError", said.get("then", "fail") if isinstance(said, dict) else said)
    foreach, undo = step.get("foreach"), step.get("compensate")
    defaults = configuration.execution()
    return StepDefinition(
        id=step["id"],
        connector=step["connector"],
        action=step["action"],
        params=step.get("params") or {},
        retry=_retry(step.get("retry") or {}, attempts=defaults.attempts),
        timeout_seconds=float(step.get("timeout_seconds", defaults.timeout_seconds)),
        idempotent=bool(step.get("idempotent", False)),
        position=position,
        name=step.get("name", ""),
        needs=needs,
        when=step.get("when"),
        foreach=ForEach(**foreach) if foreach else None,
        on_error=on_error,
        handler=tuple(_step(one, next(place or count()), before) for one, before in with_needs(handler)),
        compensate=_step({**undo, "id": step["id"] + COMPENSATE}, position) if undo else None,
    )


def _retry(retry: dict[str, Any], *, attempts: int) -> RetryPolicy:
    known = {**retry, "retry_on": tuple(retry.get("retry_on", ()))}
    return RetryPolicy(**{**known, "attempts": min(retry.get("attempts", attempts), MAX_ATTEMPTS)})


_OWN_COLUMNS = {"$schema", "slug", "name", "note", "trigger", "rule", "steps"}  # everything else is an option


@dataclass(frozen=True)
class Draft:
    """A definition without problems, taken apart as a version stores it."""

    slug: str
    name: str
    trigger: dict[str, Any]
    rule: dict[str, Any] | None
    steps: list[dict[str, Any]]
    note: str = ""
    options: dict[str, Any] = field(default_factory=dict)  # finally, deadline_seconds, ...

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
            options={name: value for name, value in definition.items() if name not in _OWN_COLUMNS},
        )

    def says_the_same_as(self, trigger: Any, rule: Any, steps: Any, options: Any) -> bool:
        """Whether a version with these parts runs exactly as this draft would."""
        return same([self.trigger, self.rule, self.steps, self.options], [trigger, rule, steps, options])
