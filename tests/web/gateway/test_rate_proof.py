"""80 threads in 4 processes against one rate, with a compressed window; in full: `python -m loadtests.rates`."""

from __future__ import annotations

import pytest
from loadtests.rates import attack

from tests.support.server import DatabaseUrls
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(("limit", "window_ms"), [(100, 1_000), (500, 2_000)])
def test_never_more_than_the_rate_and_nothing_refused_that_fits(
    tenant_a: Workspace, database_urls: DatabaseUrls, fresh_database: object, limit: int, window_ms: int
) -> None:
    proof = attack(
        database_urls.superuser,
        tenant_id=tenant_a.ref.id,
        schema=tenant_a.ref.schema_name,
        limit=limit,
        window_ms=window_ms,
        seconds=4 * window_ms / 1000,
    )

    assert proof.most_in_a_window <= limit
    assert proof.wrongly_refused == 0
    assert proof.refused_ms  # there were more than fitted
    assert len(proof.admitted_ms) > limit  # and room again after a window
