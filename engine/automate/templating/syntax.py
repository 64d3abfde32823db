"""The part of Jinja2's syntax that a template may use, and the checks written into it before it is compiled."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from automate.definitions.problem import did_you_mean
from automate.templating.errors import TemplateFailed
from automate.templating.filters import FILTERS, TESTS
from automate.templating.limits import MAX_LOOP_DEPTH, MAX_NODES, MAX_SYNTAX_DEPTH

LISTED_FILTERS = frozenset(name for name in FILTERS if not name.startswith(" "))
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign,
    nodes.Name, nodes.NSRef, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword,
    nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Concat, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.BinExpr, nodes.UnaryExpr,
)  # fmt: skip
_NAMES: dict[type[nodes.Node], str] = {
    nodes.Call: "a call: a template reads data and uses filters, as in `{{ payload.name|upper }}`",
    nodes.Macro: "a macro",
    nodes.CallBlock: "a call block",
    nodes.FilterBlock: "a filter block",
    nodes.AssignBlock: "a set block",
    nodes.Include: "an include",
    nodes.Import: "an import",
    nodes.FromImport: "an import",
    nodes.Extends: "an extends",
    nodes.Block: "a block",
    nodes.With: "a with block",
}


def closed(tree: nodes.Template) -> nodes.Template:
    """`tree` with loops, joins, comparisons and values counted. Raises TemplateFailed for what may not be in it."""
    for node in _every(tree):
        _check(node)
    _rewrite(tree)
    return tree


def _every(tree: nodes.Node) -> Iterator[nodes.Node]:
    waiting: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    count = 0
    while waiting:
        node, depth, loops = waiting.pop()
        count += 1
        loops += isinstance(node, nodes.For)
        if count > MAX_NODES:
            raise TemplateFailed(f"The template has more than {MAX_NODES:,} parts.")
        if depth > MAX_SYNTAX_DEPTH:
            raise TemplateFailed(f"The template is nested deeper than {MAX_SYNTAX_DEPTH} levels.")
        if loops > MAX_LOOP_DEPTH:
            raise TemplateFailed(f"The loops of a template are nested at most {MAX_LOOP_DEPTH} deep.")
        yield node
        waiting.extend((child, depth + 1, loops) for child in node.iter_child_nodes())


def _check(node: nodes.Node) -> None:
    if not isinstance(node, _ALLOWED) or isinstance(node, nodes.NSRef):
        what = _NAMES.get(type(node), f"this ({type(node).__name__})")
        raise TemplateFailed(f"A template may not hold {what}.", details={"line": node.lineno})
    if isinstance(node, nodes.For) and node.recursive:
        raise TemplateFailed("A loop of a template may not be recursive.", details={"line": node.lineno})
    if isinstance(node, nodes.Filter) and node.name not in LISTED_FILTERS:
        hint = did_you_mean(node.name, LISTED_FILTERS)
        raise TemplateFailed(f'There is no filter "{node.name}".{hint}', details={"line": node.lineno})
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        hint = did_you_mean(node.name, TESTS)
        raise TemplateFailed(f'There is no test "{node.name}".{hint}', details={"line": node.lineno})
    if isinstance(node, (nodes.Filter, nodes.Test)) and (node.dyn_args is not None or node.dyn_kwargs is not None):
        raise TemplateFailed("A filter takes its arguments one by one.", details={"line": node.lineno})


def _rewrite(node: nodes.Node) -> None:
    """Depth is bounded by `_every`, so this may recurse."""
    for field, value in list(node.iter_fields()):
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, nodes.Node):
                    _rewrite(item)
                    value[index] = _counted(item)
        elif isinstance(value, nodes.Node):
            _rewrite(value)
            setattr(node, field, _counted(value))
    if isinstance(node, nodes.For):
        node.iter = _through(" for", node.iter)


def _counted(node: nodes.Node) -> nodes.Node:
    if isinstance(node, nodes.Concat):
        return _through(" ~", node.nodes[0], node.nodes[1:])
    if isinstance(node, (nodes.List, nodes.Dict)):
        return _through(" value", node)
    if isinstance(node, nodes.Tuple) and node.ctx == "load":
        return _through(" value", node)
    if isinstance(node, nodes.Compare):
        return _through(" compared", node)
    return node


def _through(name: str, first: nodes.Node, others: list[nodes.Expr] | None = None) -> nodes.Filter:
    made = nodes.Filter(first, name, others or [], [], None, None, lineno=first.lineno)
    made.set_environment(first.environment)  # type: ignore[arg-type]
    return made
