"""What a step sees: templates filled in, `when`, the list of a fan-out. Secret references stand until the connector's
edge (`execution.secrets`), so that a secret's value never reaches a template.
"""

from __future__ import annotations

from typing import Any

from automate import templating
from automate.definitions import StepDefinition
from automate.definitions.steps import COMPENSATE, MAX_ITEMS
from automate.execution.match import event_context
from automate.execution.progress import RunProgress
from automate.execution.results import NOT_RUN
from automate.execution.schedule import Unit
from automate.rules import compile_rule
from automate_governance.errors import NormalizedError


class NotAList(NormalizedError):
    """`foreach.items` gave something else than a list, or too long a one."""

    code, http_status = "not_a_list", 422


def render(run: RunProgress, unit: Unit, step: StepDefinition) -> dict[str, Any]:
    """The step's params with templates filled in; secret references still stand. Raises TemplateFailed."""
    rendered: dict[str, Any] = templating.render(step.params, context_of(run, unit))
    return rendered


def is_wanted(run: RunProgress, step: StepDefinition) -> bool:
    """Whether the step's `when` holds; without one it does. Raises RuleFailed."""
    return step.when is None or compile_rule(step.when).matches(context_of(run, Unit(step.id)))


def items_of(run: RunProgress, step: StepDefinition) -> list[Any]:
    """The list of a fan-out. Raises TemplateFailed, NotAList."""
    assert step.foreach is not None
    items = templating.render(step.foreach.items, context_of(run, Unit(step.id)))
    if not isinstance(items, list):
        raise NotAList(f"`foreach.items` must give a list, not {_kind(items)}.", details={"given": _kind(items)})
    if len(items) > MAX_ITEMS:
        message = f"`foreach.items` gave {len(items):,} items; at most {MAX_ITEMS:,} are run."
        raise NotAList(message, details={"items": len(items), "limit": MAX_ITEMS})
    return items


def context_of(run: RunProgress, unit: Unit) -> dict[str, Any]:
    """What templates and rules of the step, or of one of its items, see."""
    context = event_context(run.event)
    plan, known = run.plan, run.results.context
    context["steps"] = known
    context["run"] = run.shown
    context["trace_id"] = run.event.shown["trace_id"]
    own = unit.step.removesuffix(COMPENSATE)
    if unit.step not in plan.need_counts:  # a handler, a compensation, a finally step: others may not have run
        context["steps"] = {**dict.fromkeys(plan.by_id, NOT_RUN), **known}
        failed = plan.handled_by.get(unit.step)
        context["error"] = known.get(failed, NOT_RUN)["error"] if failed else run.error
    if unit.item:
        context["item"], context["index"] = run.results.lists[own][unit.item - 1], unit.item - 1
        if own != unit.step:
            context["steps"] = {**context["steps"], own: {**NOT_RUN, **run.results.items[own][unit.item]}}
    return context


def _kind(value: Any) -> str:
    names = {dict: "an object", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
