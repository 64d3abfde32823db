"""A list with nothing in the time asked for: it names the nearest longer time that has something."""

from __future__ import annotations

from datetime import timedelta

import pytest

from automate.models import Event
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, make_runs


@pytest.mark.parametrize("page", ["runs", "events"])
def test_the_nearest_longer_time_that_has_something_is_linked(enter: Enter, tenant_a: Workspace, page: str) -> None:
    browser = enter(tenant_a)
    make_runs(tenant_a, 2)

    empty = browser.get(f"/{page}/?since=2030-01-01").content.decode()
    found = browser.get(f"/{page}/?since=1h").content.decode()
    other = browser.get(f"/{page}/?since=2030-01-01&q=nothing-of-that-name").content.decode()

    assert '<a class="text" href="?since=1h">2 in the last hour</a>' in empty
    assert 'aria-label="Remove the filter since"' in empty and "Clear all" in empty
    assert "in the time asked for" not in found
    assert "None in the time asked for" not in other


def test_times_no_longer_than_what_was_asked_are_not_offered(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    make_runs(tenant_a, 1)
    with tenant_scope(tenant_a.ref):
        received = Event.objects.latest("pk").received_at
    until = (received - timedelta(days=8)).strftime("%Y-%m-%dT%H:%M:%SZ")

    page = browser.get(f"/runs/?since=7d&until={until}&status=failed").content.decode()

    assert '<a class="text" href="?status=failed&amp;since=30d">1 in the last 30 days</a>' in page
