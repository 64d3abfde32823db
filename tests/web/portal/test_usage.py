"""The page Usage, its CSV and the API beside it: the same figures, in a fixed number of queries."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automate.models import Workflow
from automate_billing import report, subscriptions
from automate_billing.models import UsageDay
from automate_billing.period import Period, month_of
from automate_tenants.context import public_scope, tenant_scope
from tests.isolation.conftest import host_of, logged_in, new_member
from tests.support.workspaces import Workspace
from tests.web.api.conftest import new_key
from tests.web.api.support import Api

pytestmark = pytest.mark.django_db
Use = Callable[..., None]


@pytest.fixture
def browser(tenant_a: Workspace) -> Client:
    return logged_in(tenant_a.owner, tenant_a, host_of(tenant_a))


@pytest.fixture
def today() -> date:
    return timezone.now().date()


@pytest.fixture
def workflow(tenant_a: Workspace) -> Workflow:
    with tenant_scope(tenant_a.ref):
        found = Workflow.objects.first()
    assert found is not None
    return found


def use(workspace: Workspace, day: date, meter: str, amount: int, subject: str = "") -> None:
    with public_scope():
        UsageDay.objects.create(tenant_id=workspace.ref.id, day=day, meter=meter, subject=subject, amount=amount)


def put_on(workspace: Workspace, plan: str) -> None:
    with public_scope():
        subscriptions.change_plan(tenant_id=workspace.ref.id, plan=plan, actor="test", now=timezone.now())


def test_each_meter_is_shown_against_the_plan(
    browser: Client, tenant_a: Workspace, today: date, workflow: Workflow
) -> None:
    put_on(tenant_a, "free")
    use(tenant_a, today, "runs", 5_100, str(workflow.pk))
    use(tenant_a, today, "llm", 6_250_000)
    use(tenant_a, today, "storage", 2_000_000)

    page = browser.get("/usage/?meter=runs").content.decode()

    assert '5,100 <span class="faint">51 %</span>' in page
    assert "$6.25" in page
    assert "Reached" in page  # of LLM spend: $5.00 are included
    assert "2.0 MB" in page
    assert workflow.name in page
    assert f"<title>{today:%Y-%m-%d}: 5,100</title>" in page


def test_an_empty_month_says_so_and_a_plan_without_limits_too(browser: Client) -> None:
    page = browser.get("/usage/").content.decode()

    assert "Nothing in this period" in page
    assert "no limit" in page


@pytest.mark.parametrize("asked", ["?period=2026-13", "?period=x", "?meter=coffees"])
def test_what_cannot_be_asked_for_is_refused(browser: Client, asked: str) -> None:
    assert browser.get(f"/usage/{asked}").status_code == 422


def test_the_csv_has_a_line_for_each_day_meter_and_workflow(
    browser: Client, tenant_a: Workspace, today: date, workflow: Workflow
) -> None:
    use(tenant_a, today, "runs", 3, str(workflow.pk))
    use(tenant_a, today, "events", 4, "=cmd")

    answer = browser.get(f"/usage.csv?period={today:%Y-%m}")
    lines = list(csv.reader(answer.getvalue().decode().splitlines()))

    assert lines == [
        ["day", "meter", "subject", "name", "amount"],
        [today.isoformat(), "events", "'=cmd", "", "4"],
        [today.isoformat(), "runs", str(workflow.pk), workflow.name, "3"],
    ]


def test_the_api_tells_the_same(tenant_a: Workspace, today: date, workflow: Workflow) -> None:
    put_on(tenant_a, "free")
    use(tenant_a, today, "runs", 3, str(workflow.pk))
    api = Api(new_key(tenant_a, ["usage:read"]))

    found = api.get("/usage").json()
    days = api.get("/usage/days").json()

    assert (found["plan"]["code"], found["period"]) == ("free", f"{today:%Y-%m}")
    [runs] = [meter for meter in found["meters"] if meter["meter"] == "runs"]
    assert (runs["used"], runs["included"], runs["percent"], runs["holds"]) == (3, 10_000, 0, True)
    assert runs["by_day"][-1] == {"day": today.isoformat(), "amount": 3}
    assert days["results"] == [{"day": today.isoformat(), "meter": "runs", "subject": str(workflow.pk), "amount": 3}]
    assert api.get("/usage?period=1999-01").json()["meters"][0]["used"] == 0
    assert api.get("/usage?period=never").status_code == 422
    assert Api(new_key(tenant_a, ["runs:read"])).get("/usage").status_code == 403


def test_thresholds_are_chosen_on_the_page(browser: Client, tenant_a: Workspace) -> None:
    saved = browser.post("/usage/alerts/", {"every": "90, 40 %", "llm": "none"}, follow=True)
    assert "<dt>Runs</dt><dd>40 %, 90 %, 100 %</dd>" in saved.content.decode()
    assert "<dt>LLM spend</dt><dd>none</dd>" in saved.content.decode()

    wrong = browser.post("/usage/alerts/", {"every": "half", "llm": "101"})
    assert wrong.status_code == 422
    assert wrong.content.decode().count("Write whole numbers from 1 to 100") >= 2
    assert 'value="half"' in wrong.content.decode()


def test_thresholds_over_the_api_are_replaced_as_a_whole(tenant_a: Workspace) -> None:
    api = Api(new_key(tenant_a, ["usage:read", "usage:write"]))

    saved = api.send("PUT", "/usage/alerts", {"every": [90], "meters": {"llm": [10, 5]}}, {}).json()
    assert (saved["every"], saved["meters"], saved["in_force"]["events"]) == ([90], {"llm": [5, 10]}, [90, 100])
    assert api.get("/usage/alerts").json() == saved
    assert api.send("PUT", "/usage/alerts", {}, {}).json()["in_force"]["llm"] == [50, 80, 100]
    assert api.send("PUT", "/usage/alerts", {"meters": {"cpu": [1]}}, {}).status_code == 422
    assert Api(new_key(tenant_a, ["usage:read"])).send("PUT", "/usage/alerts", {}, {}).status_code == 403


def test_who_pays_sees_it_and_who_operates_does_not(tenant_a: Workspace) -> None:
    seen = {
        role: logged_in(new_member(tenant_a, role), tenant_a, host_of(tenant_a)).get("/usage/").status_code
        for role in ("admin", "billing", "builder", "operator", "viewer")
    }

    assert seen == {"admin": 200, "billing": 200, "builder": 403, "operator": 403, "viewer": 403}


def test_a_thousand_workflows_cost_no_query_more(browser: Client, tenant_a: Workspace, today: date) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert browser.get("/usage/?meter=runs").status_code == 200
        return len(caught)

    use(tenant_a, today, "runs", 1, "w")
    few = min(queries() for _ in range(4))  # some look again at what is remembered for seconds
    with public_scope():
        UsageDay.objects.bulk_create(
            UsageDay(tenant_id=tenant_a.ref.id, day=today - timedelta(n % 28), meter="runs", subject=f"w{n}", amount=n)
            for n in range(1, 1000)
        )

    assert min(queries() for _ in range(4)) == few
    assert few <= 18


def test_storage_stays_what_it_was_until_it_is_measured_again(tenant_a: Workspace) -> None:
    for day, amount in ((date(2026, 2, 27), 100), (date(2026, 3, 3), 300)):
        use(tenant_a, day, "storage", amount)
    now = datetime.fromisoformat("2026-03-05T12:00:00+00:00")
    with public_scope():
        found = report.usage_of(tenant_a.ref.id, now=now)
    used = found.of("storage")

    assert [amount for _, amount in used.by_day] == [100, 100, 300, 300, 300]
    assert used.used == 300


def test_periods_go_back_to_the_first_day_of_usage(tenant_a: Workspace) -> None:
    use(tenant_a, date(2025, 12, 31), "runs", 1)
    now = datetime.fromisoformat("2026-02-01T12:00:00+00:00")
    with public_scope():
        found: Any = report.usage_of(tenant_a.ref.id, now=now, period=month_of(date(2025, 12, 1)))

    assert found.periods == ["2026-02", "2026-01", "2025-12"]
    assert (found.period, found.is_current) == (Period(date(2025, 12, 1), date(2026, 1, 1)), False)
    assert (found.of("runs").used, found.of("runs").forecast) == (1, None)
