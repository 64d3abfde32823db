"""Home: figures that are the length of the lists they lead to, the roles' share of it, and its beginning."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from automate.ids import first_id_at, retry_id
from automate.models import Event, ExecutionRun
from automate_tenants.context import tenant_scope
from automate_web.overview import overview
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, make_runs
from tests.web.portal.test_lists import queries


@pytest.fixture
def some_runs(tenant_a: Workspace, db: None) -> list[ExecutionRun]:
    """Four failed runs of 3 s: of them two succeeded instead, in 1 s, and one was made two days ago."""
    make_runs(tenant_a, 4)
    with tenant_scope(tenant_a.ref):
        runs = list(ExecutionRun.objects.order_by("pk"))
        for run in runs[:2]:
            ended_at = run.created_at + timedelta(seconds=1)
            ExecutionRun.objects.filter(pk=run.pk).update(status="succeeded", ended_at=ended_at)
        old = timezone.now() - timedelta(days=2)
        ExecutionRun.objects.filter(pk=runs[3].pk).update(id=first_id_at(old), created_at=old, ended_at=old)
    return runs


def test_each_figure_is_the_length_of_the_list_it_leads_to(
    enter: Enter, tenant_a: Workspace, some_runs: list[ExecutionRun]
) -> None:
    browser = enter(tenant_a)
    figures = browser.get("/").context["figures"]

    assert (figures.events, figures.runs, figures.succeeded, figures.failed, figures.open_failures) == (4, 3, 2, 1, 2)
    for path, count in (
        ("/events/?since=24h", 4),
        ("/runs/?since=24h", 3),
        ("/runs/?since=24h&status=failed", 1),
        ("/runs/?since=24h&status=succeeded", 2),
    ):
        assert len(browser.get(path).context["rows"]) == count, path
        assert path.replace("&", "&amp;") in browser.get("/").content.decode()
    assert sum(group.group.count for group in browser.get("/failures/").context["groups"]) == 2


def test_the_window_has_an_hour_for_each_hour_of_the_clock(tenant_a: Workspace, some_runs: list[ExecutionRun]) -> None:
    with tenant_scope(tenant_a.ref):
        retried = some_runs[2]
        retry = ExecutionRun.objects.get(pk=retried.pk)
        retry.pk, retry.retry_of, retry.status, retry.ended_at = retry_id(retried.pk, 1), retried.pk, "running", None
        retry.save(force_insert=True)
        found = overview(timezone.now())

    assert len(found.hours) == 25
    assert [hour.starts_at.minute for hour in found.hours] == [0] * 25
    assert sum(hour.runs for hour in found.hours) == found.runs == 4
    assert sum(hour.events for hour in found.hours) == found.events
    assert sum(hour.failed for hour in found.hours) == 1
    assert found.success_rate == pytest.approx(2 / 3)
    assert found.p95_seconds == pytest.approx(2.8)  # of 1, 1 and 3 s, between the second and the third
    assert found.open_failures == 1  # what was retried is dealt with


def test_the_api_tells_the_same(enter: Enter, tenant_a: Workspace, some_runs: list[ExecutionRun], client: Any) -> None:
    figures = enter(tenant_a).get("/").context["figures"]

    answer = client.get("/api/v1/overview", headers={"authorization": f"Bearer {tenant_a.api_key}"})

    told = answer.json()
    assert {name: told[name] for name in ("events", "runs", "succeeded", "failed", "open_failures")} == {
        "events": 4, "runs": 3, "succeeded": 2, "failed": 1, "open_failures": 2,
    }  # fmt: skip
    assert told["success_rate"] == pytest.approx(figures.success_rate)
    assert [hour["runs"] for hour in told["hours"]][-2:] == [hour.runs for hour in figures.hours][-2:]


def test_before_the_first_event_it_is_the_list_of_first_things(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)

    empty = browser.get("/")

    assert empty.context["is_first"]
    assert [item.is_done for item in empty.context["checklist"].items] == [False] * 5
    assert b"Send the first event" in empty.content
    assert b'<svg class="chart"' not in empty.content
    make_runs(tenant_a, 1)
    assert b'<svg class="chart"' in browser.get("/").content


@pytest.mark.parametrize(
    ("role", "sees_runs", "sees_plan"),
    [("owner", True, True), ("admin", True, True), ("viewer", True, False), ("billing", False, True)],
)
def test_a_role_sees_its_share(enter: Enter, tenant_a: Workspace, role: str, sees_runs: bool, sees_plan: bool) -> None:
    make_runs(tenant_a, 1)
    browser = enter(tenant_a, role)

    answer = browser.get("/")

    assert answer.status_code == 200
    assert ("figures" in answer.context, "rows" in answer.context) == (sees_runs, sees_runs)
    assert ("plan" in answer.context, b"This month on the plan" in answer.content) == (sees_plan, sees_plan)
    fragment = browser.get("/?part=runs", headers={"HX-Request": "true"})
    assert (b"row-" in fragment.content) == sees_runs


def test_what_is_live_is_a_part_of_it(enter: Enter, tenant_a: Workspace) -> None:
    make_runs(tenant_a, 12)
    browser = enter(tenant_a)
    htmx = {"HX-Request": "true"}

    runs = browser.get("/?part=runs", headers=htmx)
    figures = browser.get("/?part=figures", headers=htmx)

    assert runs.content.count(b'class="row"') == 10
    assert runs.content.lstrip().startswith(b"<table")
    assert figures.content.lstrip().startswith(b'<div id="figures"')
    assert b"<html" in browser.get("/?part=figures").content  # without htmx it is the page


def test_it_asks_fifteen_times_at_most(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    make_runs(tenant_a, 1)
    one = queries(browser, "/")
    make_runs(tenant_a, 20)

    assert queries(browser, "/") == one <= 15
    with tenant_scope(tenant_a.ref):
        assert Event.objects.count() == 21
