"""The page of promises says what the tests say, and names only tests that run."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

from tests.seeds.table import DOCUMENT, HERE, promises, render


def test_the_page_is_what_the_marks_say() -> None:
    assert DOCUMENT.read_text() == render(), "run `python -m tests.seeds`"


def test_every_sentence_stands_once_and_no_cell_is_empty() -> None:
    found = promises()

    assert len(found) > 80
    assert [pair for pair, count in Counter((p.page, p.sentence) for p in found).items() if count > 1] == []
    assert [p for p in found if not p.test and not p.note] == []


def test_every_test_that_is_named_is_collected_and_every_test_is_named() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(HERE)]
    listed = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, timeout=50).stdout
    lines = [line.partition("[")[0] for line in listed.splitlines() if line.startswith("tests/seeds/test_")]
    collected = {line.removeprefix("tests/seeds/") for line in lines}
    named = {promise.test for promise in promises() if promise.test}

    assert named - collected == set()
    assert {name for name in collected - named if not name.startswith("test_table.py::")} == set()
