"""Definitions: the JSON document a workflow is written as, all that can be wrong with it, its parsed form."""

from automate.definitions.plan import Plan, parse_plan
from automate.definitions.problem import Problem, pointer
from automate.definitions.steps import Draft, RetryPolicy, StepDefinition, parse_steps
from automate.definitions.structure import schema

# After the lines above: rules and templates report Problems, and are checked here.
from automate.definitions.checks import find_problems  # isort: skip

__all__ = [
    "Draft",
    "Plan",
    "Problem",
    "RetryPolicy",
    "StepDefinition",
    "find_problems",
    "parse_plan",
    "parse_steps",
    "pointer",
    "schema",
]
