"""SIGKILL once at every named point, under load; then the promises, from the receiver's log and the tables.

`make chaos` visits every point many times and in more ways.
"""

from __future__ import annotations

import importlib
from functools import reduce

import pytest

from tests.chaos import scenarios
from tests.chaos.checker import check
from tests.chaos.harness import Harness
from tests.chaos.points import POINTS, Point

ONE_PRODUCT = [pytest.mark.processes, pytest.mark.timeout(240), pytest.mark.xdist_group("kills")]


def of(*processes: str) -> list[str]:
    return [name for name, point in POINTS.items() if point.process in processes]


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_each_point_has_its_function(point: Point) -> None:
    assert callable(reduce(getattr, point.path, importlib.import_module(point.module)))
    assert point.side in {"before", "after"}
    assert point.when is None or point.side == "after"


class TestKilled:
    pytestmark = ONE_PRODUCT

    @pytest.mark.parametrize("name", [name for name in of("gateway", "worker") if name != "sweep.after"])
    def test_at_a_point_of_the_work(self, name: str, harness: Harness) -> None:
        scenarios.killed(harness, name)
        check(harness)

    def test_between_commit_and_ring_and_after_the_sweep_that_found_it(self, harness: Harness) -> None:
        scenarios.lost_ring(harness)
        check(harness)

    def test_while_a_workspace_is_opened(self, harness: Harness) -> None:
        scenarios.provisioning_killed(harness, *of("tenants"))

    def test_while_a_workspace_is_migrated(self, harness: Harness) -> None:
        scenarios.migration_killed(harness, *of("migrate"))
        check(harness)

    @pytest.mark.parametrize("process", ["worker", "gateway"])
    def test_in_mid_load(self, process: str, harness: Harness) -> None:
        scenarios.killed_in_mid_load(harness, process)
        check(harness)
