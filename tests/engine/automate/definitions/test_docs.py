"""The pages about workflows, rules and templates say what is so."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from automate.definitions import bounds, find_problems, schema
from automate.rules import OPERATORS, evaluate, find_rule_problems, library, problems
from automate.templating import find_template_problems, limits, render
from automate.templating.filters import FILTERS, TESTS

DOCS = Path(__file__).resolve().parents[4] / "web" / "automate_web" / "docs"


def _page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def _blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _page(name), flags=re.DOTALL)


def test_the_example_workflow_has_no_problem() -> None:
    assert find_problems(json.loads(_blocks("workflows", "json")[0])) == []


def test_the_example_rule_and_its_code_run() -> None:
    [rule] = [json.loads(block) for block in _blocks("rules", "json")]
    assert find_rule_problems(rule, known_roots=("payload", "event")) == []
    assert evaluate(rule, {"payload": {"status": "paid", "lines": [{"quantity": 11}]}}) is True

    [code] = _blocks("rules", "python")
    exec(compile(code, "rules.md", "exec"), {})


def test_the_example_template_renders() -> None:
    [params] = [json.loads(block) for block in _blocks("templates", "json")]
    context: dict[str, Any] = {"payload": {"id": "a/b", "amount": 50, "customer": {}}}

    assert find_template_problems(params) == []
    assert render(params, context) == {
        "url": "https://shop.example.com/orders/a%2Fb",
        "json": {"amount": 50, "text": "Thank you, friend!"},
    }


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_every_operator_is_on_the_page(operator: str) -> None:
    assert f"`{operator}`" in _page("rules")


def test_every_filter_and_test_is_on_the_page() -> None:
    page = _page("templates")
    listed = {name for name in FILTERS if not name.startswith(" ")} - {
        "d",
        "count",
    }  # other names of two that are listed
    for name in listed | set(TESTS):
        assert re.search(rf"`(?:is )?{name}[`(]", page), name


def test_every_problem_code_is_on_the_page() -> None:
    folder = Path(bounds.__file__).parent.parent
    codes = set()
    for path in [path for name in ("definitions", "rules", "templating") for path in (folder / name).glob("*.py")]:
        codes |= set(_codes(ast.parse(path.read_text(encoding="utf-8"))))

    assert {"required", "unknown_operator", "template_invalid", "secret_value", "too_deep"} <= codes
    for code in codes:
        assert f"`{code}`" in _page("workflows"), code


def _codes(tree: ast.AST) -> Iterator[str]:
    """The codes of `Problem(path, code, message)` and of `yield code, message`."""
    for node in ast.walk(tree):
        given: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
            given = node.args[1]
        elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
            given = node.value.elts[0]
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            yield given.value


def test_every_field_is_on_the_page() -> None:
    page = _page("workflows")
    for name in [*schema()["properties"], *schema()["$defs"]["step"]["properties"]]:
        assert name == "$schema" or f"`{name}`" in page, name


def test_the_limits_are_those_of_the_code() -> None:
    rules_page, templates_page, workflows_page = _page("rules"), _page("templates"), _page("workflows")
    assert f"{problems.MAX_DEPTH} levels and {problems.MAX_NODES:,} parts" in rules_page
    assert f"{library.OPERATIONS:,} operations" in rules_page
    assert f"{limits.MAX_TEMPLATE:,} characters, {limits.MAX_NODES:,} parts" in templates_page
    assert limits.MAX_TEXT == limits.MAX_VALUE_SIZE == 2**20
    assert limits.MAX_SIZE == 8 * 2**20
    assert f"{limits.MAX_TICKS:,} loop turns" in templates_page
    assert (bounds.MAX_BYTES, bounds.MAX_DEPTH) == (2**20, 64)
    assert f"1 MiB, 64 levels and {bounds.MAX_TEMPLATES:,} templates" in workflows_page
