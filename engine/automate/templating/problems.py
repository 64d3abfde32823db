"""Every problem of the templates in a step's parameters, found before they can run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from jinja2 import meta, nodes
from jinja2.exceptions import TemplateError

from automate.definitions.problem import Problem, did_you_mean, pointer
from automate.templating.environment import compiled, parsed
from automate.templating.errors import TemplateFailed
from automate.templating.limits import SECRET_KEY
from automate.templating.rendering import has_template, lone_path

ROOTS = ("payload", "event", "steps", "run", "trace_id")  # names at the top of a context
STEP_PARTS = ("status", "output", "error")
MAX_PROBLEMS = 200  # told at once


def find_template_problems(
    value: Any, *, known_steps: Collection[str] | None = None, known_roots: Collection[str] = ROOTS
) -> list[Problem]:
    """Each with its JSON pointer into `value`; [] when every template can be rendered, given the data it names.

    `known_steps` are the ids of the steps that have run before; naming another one is a problem. Without it any may
    be named.
    """
    problems: list[Problem] = []
    for path, source in _texts(value):
        for code, message in _problems_of(source, known_steps, known_roots):
            problems.append(Problem(path, code, message))
        if len(problems) >= MAX_PROBLEMS:
            break
    return problems


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """(pointer, text) of every text that is a template, in the order of the document."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, str):
            if has_template(item):
                yield path, item
        elif isinstance(item, dict) and SECRET_KEY not in item:
            waiting.extend((path + pointer(str(key)), below) for key, below in reversed(list(item.items())))
        elif isinstance(item, list):
            waiting.extend((path + pointer(index), below) for index, below in reversed(list(enumerate(item))))


def _problems_of(
    source: str, known_steps: Collection[str] | None, known_roots: Collection[str]
) -> Iterator[tuple[str, str]]:
    if path := lone_path(source):  # by far the commonest: nothing to compile
        yield from _path_problems(path, known_steps, known_roots)
        return
    try:
        compiled(source)
        tree = parsed(source)
        undeclared = meta.find_undeclared_variables(tree)
    except TemplateFailed as error:
        yield "template_invalid", error.message
        return
    except (TemplateError, RecursionError) as error:  # not reached after `compiled`, unless its limits change
        yield "template_invalid", f"The template cannot be read: {error}"
        return
    for name in sorted(undeclared - set(known_roots)):
        yield _unknown_name(name, known_roots)
    if known_steps is not None and "steps" in undeclared:
        yield from _unknown_steps(tree, known_steps)


def _path_problems(
    path: tuple[str | int, ...], known_steps: Collection[str] | None, known_roots: Collection[str]
) -> Iterator[tuple[str, str]]:
    if path[0] not in known_roots:
        yield _unknown_name(str(path[0]), known_roots)
    elif path[0] == "steps" and known_steps is not None and len(path) > 1:
        if path[1] not in known_steps:
            yield _unknown_step(str(path[1]), known_steps)
        elif len(path) > 2 and path[2] not in STEP_PARTS:
            yield _only_parts(str(path[1]))


def _unknown_name(name: str, known_roots: Collection[str]) -> tuple[str, str]:
    known = ", ".join(f"`{root}`" for root in known_roots)
    return "unknown_name", f"Nothing is called `{name}` here, only {known}. Did you mean `payload.{name}`?"


def _unknown_step(step: str, known_steps: Collection[str]) -> tuple[str, str]:
    return "unknown_step", f'No step "{step}" has run before this one.{did_you_mean(step, known_steps)}'


def _only_parts(step: str) -> tuple[str, str]:
    return "unknown_name", f"A step has `output`, `status` and `error`, as in `steps.{step}.output`."


def _unknown_steps(tree: nodes.Template, known_steps: Collection[str]) -> Iterator[tuple[str, str]]:
    told = set()
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        above, key = _key(node)
        if isinstance(above, nodes.Name) and above.name == "steps" and isinstance(key, str):
            if key not in known_steps and key not in told:
                told.add(key)
                yield _unknown_step(key, known_steps)
        elif isinstance(above, (nodes.Getattr, nodes.Getitem)) and key not in STEP_PARTS:
            root, step = _key(above)
            if isinstance(root, nodes.Name) and root.name == "steps" and step in known_steps:
                yield _only_parts(step)


def _key(node: nodes.Node) -> tuple[nodes.Node | None, Any]:
    if isinstance(node, nodes.Getattr):
        return node.node, node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return node.node, node.arg.value
    return None, None
