"""The page of promises says what the tests say, and names only tests that run."""

from __future__ import annotations

import importlib
from collections import Counter
from types import FunctionType

from tests.seeds.table import DOCUMENT, HERE, promises, render


def test_the_page_is_what_the_marks_say() -> None:
    assert DOCUMENT.read_text() == render(), "run `python -m tests.seeds`"


def test_every_sentence_stands_once_and_no_cell_is_empty() -> None:
    found = promises()

    assert len(found) > 80
    assert [pair for pair, count in Counter((p.page, p.sentence) for p in found).items() if count > 1] == []
    assert [p for p in found if not p.test and not p.note] == []


def test_every_test_that_is_named_is_there_and_every_test_is_named() -> None:
    there = {
        f"{file.name}::{name}"
        for file in HERE.glob("test_*.py")
        for name, found in vars(importlib.import_module(f"tests.seeds.{file.stem}")).items()
        if name.startswith("test") and isinstance(found, FunctionType)  # what pytest collects
    }
    named = {promise.test for promise in promises() if promise.test}

    assert named - there == set()
    assert {name for name in there - named if not name.startswith("test_table.py::")} == set()
