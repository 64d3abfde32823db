"""What of a definition the policy forbids, told with its place before anything runs. The run asks again.

A host stands fast only where the URL's host holds no template; what is known at run time only is checked there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from automate.definitions.problem import Problem, pointer
from automate.policy.decision import WHOSE
from automate.policy.effective import Layer, Policy, merge
from automate.policy.rules import find_policy_problems, parse
from automate_governance.egress import EgressDenied, EgressError, parse_target


def find_breaches(definition: Any, policy: Policy) -> list[Problem]:
    """Problems of `definition` under `policy` and its own; all of them are errors. Pure."""
    if not isinstance(definition, Mapping):
        return []
    own = definition.get("policy")
    if own is not None and (problems := find_policy_problems(own, layer="workflow")):
        return [problem.below("/policy") for problem in problems]
    if own:
        policy = merge((*policy.layers, Layer("workflow", parse(own, layer="workflow"))))
    return list(_breaches(definition, policy))


def _breaches(definition: Mapping[str, Any], policy: Policy) -> Iterator[Problem]:
    for path, step in _steps(definition):
        connector, action = step.get("connector"), step.get("action")
        if not isinstance(connector, str) or not isinstance(action, str):
            continue
        layer = policy.connector_denial(connector, action)
        if layer is not None:
            message = f"The connector allowlist of {WHOSE[layer]} does not name {connector}.{action}."
            yield Problem(f"{path}/connector", "connector_not_allowed", message)
        yield from _host_breaches(f"{path}/params/url", step.get("params"), policy)


def _host_breaches(path: str, params: Any, policy: Policy) -> Iterator[Problem]:
    url = params.get("url") if isinstance(params, Mapping) else None
    if not isinstance(url, str):
        return
    origin = "/".join(url.split("/", 3)[:3])  # a template below the host changes nothing
    if "{" in origin or origin.startswith("$secret:"):
        return
    try:
        policy.egress.check(parse_target(origin))
    except EgressDenied as error:
        yield Problem(path, "host_not_allowed", error.message)
    except EgressError:
        return  # not a URL: the connector's own check says so


def _steps(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every step wherever it stands: in the graph, in `finally`, as a handler of errors, as a compensation."""
    for name in ("steps", "finally"):
        yield from _in_list(pointer(name), definition.get(name))


def _in_list(path: str, steps: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for position, step in enumerate(steps if isinstance(steps, list) else ()):
        if not isinstance(step, Mapping):
            continue
        here = f"{path}/{position}"
        yield here, step
        if isinstance(step.get("compensate"), Mapping):
            yield f"{here}/compensate", step["compensate"]
        if isinstance(on_error := step.get("on_error"), Mapping):
            yield from _in_list(f"{here}/on_error/steps", on_error.get("steps"))
