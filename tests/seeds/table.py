"""The table of promises, read from the marks in the source: no test module is imported for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.seeds.later import LATER
from tests.seeds.promise import PAGES

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "web" / "automate_web" / "docs" / "promises.md"
INTRODUCTION = """\
# Promises and their tests

For whoever wants to check; a reference. Django Automate was specified in five pages before it was written. Each
sentence of them that promises something is here, word for word, with the test that holds the product to it: a function
under `tests/seeds/`, run by `make test`. The table is written by `python -m tests.seeds`, and a test fails when it is
out of date. What is not kept yet says so.
"""


@dataclass(frozen=True)
class Promise:
    """One sentence; `test` is `file::function`, or empty where `note` says with what it comes."""

    page: str
    sentence: str
    test: str
    note: str


def promises() -> list[Promise]:
    """Every promise, in the order of pages and of the tests within each file. Raises ValueError for a mark it cannot
    read.
    """
    found = [promise for file in sorted(HERE.glob("test_*.py")) for promise in _in_file(file)]
    found += [Promise(page, sentence, "", note) for page, sentence, note in LATER]
    order = list(PAGES)
    return sorted(found, key=lambda promise: order.index(promise.page))


def render() -> str:
    """The page, as Markdown."""
    parts = [INTRODUCTION]
    found = promises()
    for page, title in PAGES.items():
        rows = [_row(promise) for promise in found if promise.page == page]
        parts.append("\n".join([f"## {title}", "", "| sentence | held by |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


def _row(promise: Promise) -> str:
    test = f"`{promise.test}`" if promise.test else ""
    held = ". ".join(part for part in (test, promise.note) if part)
    return f"| {_cell(promise.sentence)} | {_cell(held)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def _in_file(file: Path) -> Iterator[Promise]:
    for function in ast.parse(file.read_text()).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for mark in function.decorator_list:
            if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "promise":
                page, sentence = (ast.literal_eval(argument) for argument in mark.args)
                notes = [ast.literal_eval(keyword.value) for keyword in mark.keywords if keyword.arg == "note"]
                yield Promise(page, sentence, f"{file.name}::{function.name}", "".join(notes))
