"""The closed Jinja2 environment: data for attributes, numbers with limits, no globals, compiled templates kept."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from jinja2 import Template, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateError, UndefinedError
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from automate.templating.errors import TemplateFailed
from automate.templating.filters import FILTERS, TESTS
from automate.templating.hyphens import with_keys
from automate.templating.limits import MAX_TEMPLATE, MAX_VALUE_SIZE, budget, check_number, check_text
from automate.templating.syntax import closed
from automate.templating.values import Missing, as_text, part

KEPT = 2_048  # compiled templates per process
_RESULT = "result"
_LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})


@dataclass(frozen=True)
class Compiled:
    """A template ready to run. `is_value`: it is one lone expression, whose value it gives with its type."""

    template: Template
    is_value: bool

    def run(self, context: dict[str, Any]) -> Any:
        """The value or the text; the caller has set the budget. Any exception is the template's fault."""
        scope = self.template.new_context(context)
        if self.is_value:
            for _ in self.template.root_render_func(scope):
                pass
            return scope.vars[_RESULT]
        pieces, length, spend = [], 0, budget.get()
        for piece in self.template.root_render_func(scope):
            length += len(piece)
            check_text(length)
            spend.tick()
            pieces.append(piece)
        return "".join(pieces)


@functools.lru_cache(maxsize=KEPT)
def compiled(source: str) -> Compiled:
    """The compiled template of `source`, kept. Raises TemplateFailed."""
    if len(source) > MAX_TEMPLATE:
        raise TemplateFailed(f"The template is longer than {MAX_TEMPLATE:,} characters.")
    try:
        tree = closed(parsed(source))
        lone = _lone_expression(tree)
        if lone is not None:
            tree.body = [nodes.Assign(nodes.Name(_RESULT, "store"), lone, lineno=1)]
            tree.set_environment(ENVIRONMENT)
        return Compiled(ENVIRONMENT.from_string(tree), lone is not None)
    except TemplateFailed:
        raise
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise TemplateFailed(f"The template cannot be read: {error}", details={"line": line}) from error
    except (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError) as error:
        raise TemplateFailed(
            "The template cannot be read: it is nested too deep or holds too large a number."
        ) from error


def parsed(source: str) -> nodes.Template:
    """The syntax tree of `source`. Raises Jinja2's own errors."""
    return ENVIRONMENT.parse(with_keys(source, ENVIRONMENT))


def _lone_expression(tree: nodes.Template) -> nodes.Expr | None:
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return None
    parts = tree.body[0].nodes
    if len(parts) != 1 or isinstance(parts[0], nodes.TemplateData):
        return None
    return parts[0]


class ClosedEnvironment(ImmutableSandboxedEnvironment):
    """Reads keys, never attributes; calls nothing; counts before it calculates."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"+", "-"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is LoopContext:
            if attribute in _LOOP:
                return getattr(obj, attribute)
            raise SecurityError(f"A loop has no `{attribute}`.")
        return part(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return part(obj, argument)

    def call(self, *args: Any, **options: Any) -> Any:
        raise SecurityError("A template calls nothing.")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        budget.get().tick()
        for value in (left, right):
            if isinstance(value, Undefined):
                raise UndefinedError(value._undefined_message)
        if operator == "+" and type(left) is str and type(right) is str:
            check_text(len(left) + len(right))
            budget.get().make(len(left) + len(right))
            return left + right
        if operator == "+" and type(left) is list and type(right) is list:
            if 8 * (len(left) + len(right)) > MAX_VALUE_SIZE:
                raise TemplateFailed("The template makes too long a list.")
            budget.get().make(8 * (len(left) + len(right)))
            return FILTERS[" value"](left + right)
        if type(left) not in (int, float) or type(right) not in (int, float):
            raise TemplateFailed(
                f"`{operator}` needs two numbers" + (", or two texts, or two lists." if operator == "+" else ".")
            )
        if operator == "**" and (abs(right) > 64 or (type(left) is int and abs(left) > 2**16)):
            raise TemplateFailed("`**` takes powers up to 64 of numbers up to 65,536.")
        return check_number(super().call_binop(context, operator, left, right))

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        if type(arg) not in (int, float):
            raise TemplateFailed(f"`{operator}` needs a number.")
        return super().call_unop(context, operator, arg)


@pass_context  # so that nothing is worked out while compiling, where nothing is counted
def _finalize(_context: Context, value: Any) -> str:
    return as_text(value)


ENVIRONMENT = ClosedEnvironment(
    undefined=Missing,
    finalize=_finalize,
    autoescape=False,  # what is made is data for a connector, which escapes for its own target
    optimized=False,
    cache_size=0,
    keep_trailing_newline=True,
    extensions=(),
)
ENVIRONMENT.globals = {}
ENVIRONMENT.filters = dict(FILTERS)
ENVIRONMENT.tests = dict(TESTS)
