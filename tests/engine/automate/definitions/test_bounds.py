"""What finding problems may cost, however hostile the document."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from automate.definitions import find_problems
from automate.definitions.bounds import MAX_TEMPLATES
from automate.templating.environment import compiled

STEP = {"id": "a", "connector": "core", "action": "transform"}
BASE: dict[str, Any] = {"slug": "a", "name": "A", "trigger": {"type": "event", "event_type": "x"}, "steps": [STEP]}


def _params(value: Any) -> dict[str, Any]:
    return {**BASE, "steps": [{**STEP, "params": {"value": value}}]}


HOSTILE = {
    "unknown fields": {**BASE, **{f"field{n}": n for n in range(40_000)}},
    "unknown params": {**BASE, "steps": [{**STEP, "action": "log", "params": {f"p{n}": n for n in range(40_000)}}]},
    "unknown names": _params([f"{{{{ name{n} }}}}" for n in range(40_000)]),
    "unknown operators": {**BASE, "rule": {"and": [{f"op{n}": 1} for n in range(4_900)]}},
    "unknown connectors": {**BASE, "steps": [{**STEP, "connector": f"c{n}"} for n in range(1_000)]},
    "secrets": _params([{"password": f"hunter2-{n}"} for n in range(20_000)]),
    "templates": _params([f"{n}{{{{ payload.a }}}}" for n in range(40_000)]),
    "broken templates": _params([f"{n}{{{{ payload. }}}}" for n in range(1_900)]),
    "large texts": _params(["{{ payload.a }}" + "x" * 1_000] * 900),
    "digits": _params("1234 5678 " * 90_000),
    "key shapes": _params("sk_live_" * 100_000),
    "urls": _params("https://a:" * 90_000),
}


@pytest.mark.parametrize("document", HOSTILE.values(), ids=list(HOSTILE))
def test_a_hostile_document_is_judged_in_seconds(document: dict[str, Any]) -> None:
    before = time.process_time()

    problems = find_problems(document)

    assert time.process_time() - before < 6
    assert len(problems) <= 200


def test_templates_are_counted_but_paths_are_not() -> None:
    assert find_problems(_params(["{{ payload.a }}"] * 10_000)) == []
    assert find_problems(_params(["{{ payload.a }}!"] * MAX_TEMPLATES)) == []
    assert [p.code for p in find_problems(_params(["{{ payload.a }}!"] * (MAX_TEMPLATES + 1)))] == [
        "too_many_templates"
    ]


def test_a_path_alone_is_never_compiled() -> None:
    compiled.cache_clear()

    find_problems(_params(["{{ payload.a }}", "{{ nope }}", "{{ steps.b.output }}"]))

    assert compiled.cache_info().currsize == 0


@pytest.mark.parametrize("package", ["rules", "templating", "definitions", "definitions.problem", "rules.problems"])
def test_each_package_can_be_imported_first(package: str) -> None:
    subprocess.run([sys.executable, "-c", f"import automate.{package}"], check=True)
