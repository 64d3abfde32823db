"""A step's inputs: templates filled in, then secret references resolved at the connector's edge.

In this order, so that a secret's value never reaches a template. What is shown of the inputs keeps the references.
"""

from __future__ import annotations

from typing import Any

from automate import secrets, templating
from automate.definitions import StepDefinition
from automate.execution.match import event_context
from automate.execution.progress import RunProgress


def render(run: RunProgress, step: StepDefinition) -> dict[str, Any]:
    """The step's params with templates filled in; secret references still stand. Raises TemplateFailed."""
    context = event_context(run.event)
    context["steps"] = {step_id: {"output": output} for step_id, output in run.outputs.items()}
    context["run"] = {"id": str(run.id)}
    context["trace_id"] = run.event.trace_id.hex
    rendered: dict[str, Any] = templating.render(step.params, context)
    return rendered


def resolve_secrets(value: Any, found: dict[str, str]) -> Any:
    """A copy with every `{"$secret": NAME}` and `"$secret:NAME"` replaced; `found` gains each name with its value.

    Raises SecretNotFound.
    """
    if isinstance(value, dict):
        name = value.get("$secret")
        if isinstance(name, str) and len(value) == 1:
            return _resolve(name, found)
        return {key: resolve_secrets(item, found) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve_secrets(item, found) for item in value]
    if isinstance(value, str) and value.startswith("$secret:"):
        return _resolve(value.removeprefix("$secret:"), found)
    return value


def _resolve(name: str, found: dict[str, str]) -> str:
    if name not in found:
        found[name] = secrets.resolve(f"$secret:{name}")
    return found[name]
