"""What a step answers in a dry run, and where that comes from. The first source that has an answer counts:

stub       given by whoever asked for the dry run
recorded   what the step did in a recorded run of the same event, its error included
sample     pinned in the definition: the step's `sample_output`
spec       the examples that the connector declares for its outputs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID

from automate.definitions import StepDefinition
from automate.definitions.graph import every_step
from automate.definitions.steps import COMPENSATE
from automate.execution.schedule import Unit
from automate_connectors import registry
from automate_connectors.models import UnknownConnector
from automate_governance.errors import Invalid
from automate_governance.redaction import redact
from automate_governance.secrets import SecretValue

Source = Literal["stub", "recorded", "sample", "spec", "run", "unknown"]
STUB_PARTS = ("error", "items", "output")


@dataclass(frozen=True)
class Answer:
    """An output, or the error that the step fails with. `request` is what was sent then, redacted, where recorded."""

    source: Source
    output: Any = None
    error: dict[str, Any] | None = None
    is_doubt: bool = False  # nobody knows whether it happened
    run_id: UUID | None = None
    request: Any = None


@dataclass(frozen=True)
class Stubs:
    """Answers by step: `{"output": any}`, `{"error": {"code", "message"}}`, or `{"items": [one of these, …]}`."""

    by_step: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def parse(cls, document: Any) -> Stubs:
        """Raises Invalid naming the step whose stub is none of the three."""
        if not isinstance(document, Mapping):
            raise Invalid("`stubs` is an object: step id → stub.", details={"param": "stubs"})
        for step_id, stub in document.items():
            if not _is_stub(stub):
                message = 'A stub is {"output": …}, {"error": {"code", "message"}} or {"items": [stub, …]}.'
                raise Invalid(message, details={"param": "stubs", "step": str(step_id)[:100]})
        return cls(dict(document))

    def find(self, unit: Unit) -> Answer | None:
        stub = self.by_step.get(unit.step)
        if stub is not None and "items" in stub:
            listed = stub["items"]
            stub = listed[unit.item - 1] if 0 < unit.item <= len(listed) else None
        if stub is None:
            return None
        if "error" in stub:
            told = {"code": "stubbed", "message": "A stub says so.", "details": {}, "retryable": False}
            return Answer("stub", error={**told, **stub["error"]})
        return Answer("stub", output=stub["output"])


@dataclass(frozen=True)
class Recorded:
    """What the steps of one run did. `secrets` are the values that its steps resolved: they are masked."""

    run_id: UUID
    status: str
    steps: Mapping[Unit, RecordedStep]
    secrets: tuple[SecretValue, ...] = ()

    def masked(self, values: tuple[str, ...]) -> Recorded:
        """With `values` masked in the requests, as a dry run masks them in its own."""
        if not values:
            return self
        steps = {unit: step.masked(values) for unit, step in self.steps.items()}
        return replace(self, steps=steps, secrets=(*self.secrets, *map(SecretValue, values)))


@dataclass(frozen=True)
class RecordedStep:
    """The latest attempt of a unit; `answer` is None where it gave none that can be read."""

    connector: str
    action: str
    status: str
    request: Any  # redacted
    answer: Answer | None

    def masked(self, values: tuple[str, ...]) -> RecordedStep:
        request = redact(self.request, values)
        answer = None if self.answer is None else replace(self.answer, request=request)
        return replace(self, request=request, answer=answer)


@dataclass(frozen=True)
class Answers:
    """Every source of one dry run. `uses_examples`: pinned samples and the connectors' own examples count, too."""

    stubs: Stubs = Stubs()
    recorded: Recorded | None = None
    samples: Mapping[str, Any] = field(default_factory=dict)
    uses_examples: bool = True

    def find(self, unit: Unit, step: StepDefinition, request: Any) -> Answer | None:
        """None: nobody knows. `request`: the step's params, redacted."""
        found = self.stubs.find(unit) or self._recorded(unit, step, request)
        if found is not None or not self.uses_examples:
            return found
        if unit.step in self.samples:
            return Answer("sample", output=self.samples[unit.step])
        example = _example(step)
        return None if example is None else Answer("spec", output=example)

    def _recorded(self, unit: Unit, step: StepDefinition, request: Any) -> Answer | None:
        """What the same step answered; not what another connector's did under the same id. An error is the answer to
        the very same request only.
        """
        if self.recorded is None:
            return None
        found = self.recorded.steps.get(unit)
        if found is None or (found.connector, found.action) != (step.connector, step.action):
            return None
        answer = found.answer
        return None if answer is not None and answer.error is not None and answer.request != request else answer


def samples_of(definition: dict[str, Any]) -> dict[str, Any]:
    """Step id → its pinned `sample_output`; of a compensation under its own id."""
    found = {}
    for _, step in every_step(definition):
        if "sample_output" in step:
            found[step["id"]] = step["sample_output"]
        undo = step.get("compensate")
        if isinstance(undo, dict) and "sample_output" in undo:
            found[step["id"] + COMPENSATE] = undo["sample_output"]
    return found


def _example(step: StepDefinition) -> dict[str, Any] | None:
    """An answer made of the examples of every output; None where one declares none."""
    try:
        spec = registry.get(step.connector).actions.get(step.action)
    except UnknownConnector:
        return None
    if spec is None or not spec.outputs or any(not declared.get("examples") for declared in spec.outputs.values()):
        return None
    return {name: declared["examples"][0] for name, declared in spec.outputs.items()}


def _is_stub(stub: Any) -> bool:
    if not isinstance(stub, Mapping) or len(stub) != 1:
        return False
    for part, given in stub.items():
        if part == "items":
            return isinstance(given, list) and all(_is_stub(one) and "items" not in one for one in given)
        if part == "error":
            return isinstance(given, Mapping)
    return "output" in stub
