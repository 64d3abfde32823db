"""A step's inputs: templates filled in. Secret references stand until the connector's edge (`execution.secrets`).

In this order, so that a secret's value never reaches a template. What is shown of the inputs keeps the references.
"""

from __future__ import annotations

from typing import Any

from automate import templating
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
