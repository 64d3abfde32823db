"""The connectors that workflows can use: what actions take and answer, whether policy lets them, who uses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from automate.models import Workflow, WorkflowVersion
from automate.policy.effective import Policy
from automate_connectors import registry
from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.inputs import field_schema
from automate_connectors.models import ActionSpec
from automate_connectors.reference import effect_in_words, meaning, type_name
from automate_governance.errors import NotFound

Action = tuple[str, str]  # a connector's code and one of its actions
Users = Mapping[Action, list[Workflow]]


@dataclass(frozen=True)
class Input:
    """One parameter of an action. `schema`: JSON Schema of its value."""

    name: str
    type: str
    meaning: str
    is_required: bool
    is_secret: bool
    schema: dict[str, Any]


@dataclass(frozen=True)
class ActionEntry:
    """`denied_by`: the layer of policy whose allowlist does not name it; None when it may be used."""

    connector: str
    code: str
    name: str
    description: str
    effect: str
    effect_in_words: str
    inputs: list[Input]
    outputs: list[str]
    takes_other_inputs: bool
    denied_by: str | None
    users: list[Workflow]

    @property
    def secrets(self) -> list[str]:
        """The parameters that take a reference to a secret."""
        return [field.name for field in self.inputs if field.is_secret]

    @property
    def step(self) -> dict[str, Any]:
        """A step that calls it, with the parameters that it cannot do without: a start to be edited."""
        asked = {field.name: _start(field) for field in self.inputs if field.is_required}
        return {"id": self.code, "connector": self.connector, "action": self.code, "params": asked}


@dataclass(frozen=True)
class ConnectorEntry:
    code: str
    name: str
    description: str
    connection: list[Input]  # what a test of it takes; none: there is nothing to be tested
    actions: list[ActionEntry]

    @property
    def denied(self) -> list[ActionEntry]:
        return [action for action in self.actions if action.denied_by is not None]

    @property
    def users(self) -> list[Workflow]:
        """Every workflow that uses one of its actions, once each, by slug."""
        found = {workflow.pk: workflow for action in self.actions for workflow in action.users}
        return sorted(found.values(), key=lambda workflow: workflow.slug)


def entries(policy: Policy, *, text: str = "") -> list[ConnectorEntry]:
    """Every connector, the HTTP one first, then by name; with `text` those that have it in a name or description."""
    users = used_by()
    found = [_entry(adapter, policy, users) for adapter in registry.all().values()]
    found.sort(key=lambda entry: (entry.code != "http", entry.name.casefold()))
    return [entry for entry in found if _mentions(entry, text.strip().casefold())]


def entry(code: str, policy: Policy) -> ConnectorEntry:
    """The connector with this code. Raises NotFound."""
    adapter = registry.all().get(code)
    if adapter is None:
        raise NotFound("There is no such connector.")
    return _entry(adapter, policy, used_by())


def used_by() -> dict[Action, list[Workflow]]:
    """Every action that a kept workflow's draft or live version names, with those workflows by slug. Two queries."""
    workflows = {workflow.pk: workflow for workflow in Workflow.objects.kept()}
    users: dict[Action, dict[Any, Workflow]] = {}
    for workflow in workflows.values():
        for action in actions_in(workflow.draft):
            users.setdefault(action, {})[workflow.pk] = workflow
    live = WorkflowVersion.objects.filter(pk__in=[w.active_version_id for w in workflows.values()])
    for workflow_id, steps, options in live.values_list("workflow_id", "steps", "options"):
        for action in actions_in([steps, options]):
            users.setdefault(action, {})[workflow_id] = workflows[workflow_id]
    return {action: sorted(found.values(), key=lambda workflow: workflow.slug) for action, found in users.items()}


def actions_in(definition: Any) -> Iterator[Action]:
    """What the steps of a definition call, its handlers and compensations too; parameters are data and not looked at.

    >>> list(actions_in([{"connector": "core", "action": "log", "params": {"connector": "x", "action": "y"}}]))
    [('core', 'log')]
    """
    waiting = [definition]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, Mapping):
            connector, action = value.get("connector"), value.get("action")
            if isinstance(connector, str) and isinstance(action, str):
                yield connector, action
            waiting.extend(below for name, below in value.items() if name not in {"params", "payload", "rule", "when"})


def _entry(adapter: ConnectorAdapter, policy: Policy, users: Users) -> ConnectorEntry:
    actions = [_action(adapter, code, spec, policy, users) for code, spec in adapter.actions.items()]
    taken = adapter.connection.inputs if adapter.connection is not None else {}
    connection = [_input(name, field) for name, field in taken.items()]
    return ConnectorEntry(adapter.code, adapter.name, adapter.description, connection, actions)


def _action(adapter: ConnectorAdapter, code: str, spec: ActionSpec, policy: Policy, users: Users) -> ActionEntry:
    return ActionEntry(
        connector=adapter.code,
        code=code,
        name=spec.name or code,
        description=spec.description,
        effect=spec.effect,
        effect_in_words=effect_in_words(spec),
        inputs=[_input(name, field) for name, field in spec.inputs.items()],
        outputs=list(spec.outputs),
        takes_other_inputs=spec.open_inputs,
        denied_by=policy.connector_denial(adapter.code, code),
        users=users.get((adapter.code, code), []),
    )


def _input(name: str, field: Mapping[str, Any]) -> Input:
    return Input(
        name=name,
        type=type_name(field),
        meaning=meaning(field),
        is_required=field.get("required") is True,
        is_secret=field.get("secret") is True,
        schema=field_schema(field),
    )


def _start(field: Input) -> Any:
    if field.is_secret:
        return {"$secret": field.name.upper()}
    known = {"object": {}, "array": [], "integer": 0, "number": 0, "boolean": False}
    return field.schema.get("enum", [known.get(field.type, "…")])[0]


def _mentions(entry: ConnectorEntry, text: str) -> bool:
    words = [entry.code, entry.name, entry.description]
    words += [part for action in entry.actions for part in (action.code, action.name, action.description)]
    return any(text in word.casefold() for word in words)
