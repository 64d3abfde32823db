"""Each list as CSV: the rows its filters name, all of them, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from django.test import Client

from automate.models import Event
from automate_tenants.context import tenant_scope
from automate_web import spreadsheet
from automate_web.templatetags.portal import EXPORTS
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, make_runs


def rows_of(browser: Client, path: str) -> list[dict[str, str]]:
    answer: Any = browser.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(answer.getvalue().decode().splitlines()))


def test_all_rows_that_the_filters_name_are_there_oldest_first(
    enter: Enter, tenant_a: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "READ_AT_ONCE", 2)
    wanted = make_runs(tenant_a, 5)
    make_runs(tenant_a, 1, type_="other.thing")
    browser = enter(tenant_a)

    events = rows_of(browser, "/events.csv?type=order.created")
    runs = rows_of(browser, "/runs.csv?status=failed&since=1h")

    assert [row["id"] for row in events] == [str(event.pk) for event in wanted]
    assert {(row["verdict"], row["repeats"], row["workflows"], row["runs"]) for row in events} == {
        ("started", "2", "sample", "1")
    }
    assert len(runs) == 6
    assert {(row["workflow"], row["version"], row["duration_seconds"]) for row in runs} == {("sample", "1", "3.0")}
    assert [row["event_type"] for row in runs] == ["order.created"] * 5 + ["other.thing"]
    assert rows_of(browser, "/runs.csv?status=succeeded") == []
    assert browser.get("/runs.csv?status=nonsense").status_code == 422


def test_failures_keys_and_members_have_what_their_page_shows(enter: Enter, tenant_a: Workspace) -> None:
    make_runs(tenant_a, 3)
    browser = enter(tenant_a)

    assert [(row["workflow"], row["count"]) for row in rows_of(browser, "/failures.csv")] == [("sample", "3")]
    key = rows_of(browser, "/developers/keys.csv")[0]
    assert (key["state"], key["key"][-4:]) == ("active", tenant_a.api_key[-4:])
    assert tenant_a.api_key not in str(key)
    assert [(row["email"], row["role"]) for row in rows_of(browser, "/team.csv")] == [(tenant_a.owner.email, "owner")]


def test_what_a_spreadsheet_would_run_is_text(enter: Enter, tenant_a: Workspace) -> None:
    make_runs(tenant_a, 1, type_="=HYPERLINK(1)")

    assert rows_of(enter(tenant_a), "/events.csv")[0]["type"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize("name", EXPORTS)
def test_a_list_s_page_links_to_it_with_its_filters(enter: Enter, tenant_a: Workspace, name: str) -> None:
    path = {"keys": "/developers/keys"}.get(name, f"/{name}")

    page = enter(tenant_a).get(f"{path}/?q=abc&cursor=").content.decode()

    assert f'href="{path}.csv?q=abc" download' in page


def test_a_file_is_read_as_it_is_sent(enter: Enter, tenant_a: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "READ_AT_ONCE", 1)
    make_runs(tenant_a, 3)
    answer: Any = enter(tenant_a).get("/events.csv")
    lines = iter(answer)

    first = [next(lines), next(lines)]
    with tenant_scope(tenant_a.ref):
        late = make_runs(tenant_a, 1, type_="late.comer")[0]
        assert Event.objects.filter(pk=late.pk).exists()

    assert first[0].startswith(b"id,type,")
    assert len(list(lines)) == 3  # the late one has a later id: the walk meets it
