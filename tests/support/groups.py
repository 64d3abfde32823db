"""Four groups of tests, each with a time limit per test and a time budget for the whole group.

unit: neither database nor process · integration: the database · processes: the product's processes · browser: Chromium.
Together the budgets are 26 minutes, which two cores do in 13. A test over its time limit fails. A group over its budget
is told with its slowest tests, and fails nothing: how quick a machine is decides on no release.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support import examples


@dataclass(frozen=True)
class Group:
    """`budget_seconds` bounds the sum, on two cores; `test_seconds` one test without a mark of its own."""

    test_seconds: int
    budget_seconds: int


GROUPS = {
    "unit": Group(test_seconds=60, budget_seconds=180),
    "integration": Group(test_seconds=120, budget_seconds=520),
    "processes": Group(test_seconds=240, budget_seconds=600),
    "browser": Group(test_seconds=240, budget_seconds=260),
}
DATABASE_FIXTURES = {"db", "transactional_db", "database_urls", "tenant_a", "tenant_b"}
SLOWEST = 8  # of a group over its budget
spent_seconds: dict[str, float] = defaultdict(float)
spent_by_test: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
counted: dict[str, int] = defaultdict(int)


def group_of(item: pytest.Item) -> str:
    names = set(getattr(item, "fixturenames", ()))
    if item.get_closest_marker("browser"):
        return "browser"
    if item.get_closest_marker("processes") or "running_platform" in names:
        return "processes"
    if item.get_closest_marker("django_db") or names & DATABASE_FIXTURES:
        return "integration"
    return "unit"


def assign(items: list[pytest.Item]) -> None:
    """Give each test its group's time limit, keep the tests of one running product on one worker, browsers last.

    Playwright leaves an event loop running in its thread, where Django then refuses to touch the database.
    """
    order = list(GROUPS)
    items.sort(key=lambda item: order.index(group_of(item)))
    for item in items:
        name = group_of(item)
        item.user_properties.append(("group", name))
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(GROUPS[name].test_seconds * examples.TIMES))
        if "running_platform" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("running_platform"))


def count(report: pytest.TestReport) -> None:
    name = dict(report.user_properties).get("group")
    if isinstance(name, str):
        spent_seconds[name] += report.duration
        spent_by_test[name][report.nodeid] += report.duration
        counted[name] += report.when == "call"


def over_budget() -> list[str]:
    return [name for name, group in GROUPS.items() if spent_seconds[name] > group.budget_seconds * examples.TIMES]


def summarise(terminal: Any) -> None:
    terminal.section("time per group (sum over tests; budget)")
    for name, group in GROUPS.items():
        if not counted[name]:
            continue
        mark = "  OVER BUDGET, its slowest:" if name in over_budget() else ""
        terminal.line(
            f"{name:12} {counted[name]:5} tests  {spent_seconds[name]:7.1f} s of {group.budget_seconds} s{mark}"
        )
        if mark:
            for seconds, test in sorted(((s, t) for t, s in spent_by_test[name].items()), reverse=True)[:SLOWEST]:
                terminal.line(f"{'':12} {seconds:7.1f} s  {test}")
