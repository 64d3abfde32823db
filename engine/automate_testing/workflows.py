"""For tests in a customer's own repository: load a workflow's JSON file, find its problems, try its rule on events.

    ORDERS = load("workflows/order_flow.json")

    def test_it_can_be_published():
        assert_valid(ORDERS)

    def test_large_orders_match():
        assert matches(ORDERS, {"total": 500})
        assert not matches(ORDERS, {"total": 5}), why(ORDERS, {"total": 5})

    def test_a_large_order_is_charged_and_told():
        tried = dry_run(ORDERS, {"total": 500}, stubs={"charge": {"output": {"id": "ch_1"}}})
        assert tried.path == {"charge": "succeeded", "tell": "succeeded"}
        assert tried.step("tell").input["text"] == "Charged: ch_1"

Needs Django's settings (DJANGO_SETTINGS_MODULE) with the apps set up, as the engine does, and no database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automate.definitions import Problem, find_problems
from automate.rules import RuleFailed, evaluate, explain
from automate_connectors import registry
from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec

if TYPE_CHECKING:
    from automate.dryrun import DryRun


def load(path: str | Path) -> dict[str, Any]:
    """The definition in a JSON file. Raises AssertionError that names line and column where it is no JSON object."""
    text = Path(path).read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise AssertionError(f"{path} is no JSON: {error}") from None
    assert isinstance(found, dict), f"{path} holds no definition: a definition is a JSON object"
    return found


def problems(definition: dict[str, Any]) -> list[Problem]:
    """Errors, which keep it from being published, and warnings, as publishing itself would say."""
    return list(find_problems(definition))


def assert_valid(definition: dict[str, Any]) -> None:
    """Fail with every problem and its place, unless the definition can be published."""
    found = [problem for problem in problems(definition) if problem.is_error]
    lines = "\n".join(f"{problem.path or '/'}: {problem.message}" for problem in found)
    assert not found, f"{definition.get('slug', 'the workflow')} cannot be published:\n{lines}"


def matches(definition: dict[str, Any], payload: Any, *, event: dict[str, Any] | None = None) -> bool:
    """Whether an event with this payload would start the workflow; `event`: id, type, source, where the rule asks.

    No rule matches every event; an evaluation that makes no sense matches none, as when events are matched.
    """
    try:
        return evaluate(definition.get("rule"), {"event": event or {}, "payload": payload})
    except RuleFailed:
        return False


def why(definition: dict[str, Any], payload: Any, *, event: dict[str, Any] | None = None) -> dict[str, Any]:
    """The rule's tree of conditions with the values they saw: for a failing test's message."""
    return dict(explain(definition.get("rule"), {"event": event or {}, "payload": payload}))


def dry_run(
    definition: dict[str, Any],
    payload: Any,
    *,
    stubs: dict[str, Any] | None = None,
    event: dict[str, Any] | None = None,
    is_direct: bool = False,
    now: datetime | None = None,
) -> DryRun:
    """What the workflow would do with an event of this payload: no call, no database, no waiting.

    `stubs`: step id → {"output": …}, {"error": {"code", "message"}} or, for the items of a fan-out, {"items": [one of
    these, …]}. A step without a stub answers with its `sample_output`, else its answer is unknown, and so is every
    step that needs it. `event`: type and source, where they matter; `is_direct`: past the rule. What policy this
    installation's settings have is asked. Fails as `assert_valid` does where the definition cannot be published.
    """
    from automate.dryrun import Answers, Stubs, Subject  # models: not before the apps are there
    from automate.dryrun import dry_run as try_event
    from automate.dryrun.events import example_event
    from automate.policy.effective import Layer, merge
    from automate.policy.installation import installation_rules

    assert_valid(definition)
    told = event or {}
    made = example_event(
        definition,
        payload,
        now=now or datetime.now(timezone.utc),
        type_=told.get("type"),
        source=told.get("source"),
    )
    policy = merge((Layer("installation", installation_rules()),))
    subject = Subject.of(definition, policy=policy)
    answers = Answers(Stubs.parse(stubs or {}), None, subject.samples)
    is_direct = is_direct or definition["trigger"]["type"] == "manual"
    return try_event(subject, made, answers, is_direct=is_direct)


@contextmanager
def stub_connector(code: str, *actions: str) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Within this block a connector `code` exists that takes any params and answers {}; what it was called with.

    For definitions that name a connector which the test's environment does not have. A known code is refused.
    """
    called: list[tuple[str, dict[str, Any]]] = []

    class Stub(ConnectorAdapter):
        def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
            called.append((action, params))
            return {}

    Stub.code, Stub.name = code, f"Stub of {code}"
    Stub.actions = {action: ActionSpec(open_inputs=True, effect="read") for action in actions}
    registry.register(Stub)
    try:
        yield called
    finally:
        registry.unregister(Stub)
