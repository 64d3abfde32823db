"""Columns of lists: chosen in the address, kept by filters, views and CSV; without a script."""

from __future__ import annotations

import re

import pytest
from django.http import QueryDict

from automate_web import columns
from automate_web.pages import csv_lists, workflow_list
from automate_web.saved_views import query_of
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, published

LOG = {"id": "say", "connector": "core", "action": "log", "params": {"message": "hi"}}


def heads(html: str) -> list[str]:
    return re.findall(r'<th scope="col"[^>]*>([^<]+)</th>', html)


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        ("", []),
        ("columns=when,status", ["status", "when"]),
        ("columns=status&columns=when", ["status", "when"]),
        ("columns=nothing", []),
    ],
)
def test_a_choice_has_the_list_s_own_order_and_what_is_unknown_is_none(asked: str, codes: list[str]) -> None:
    assert columns.chosen("runs", QueryDict(asked)) == codes


def test_every_column_of_a_csv_that_a_list_names_is_there() -> None:
    known = {
        "runs": csv_lists.RUNS,
        "events": csv_lists.EVENTS,
        "failures": csv_lists.FAILURES,
        "workflows": workflow_list.COLUMNS,
        "endpoints": (),
    }
    for page, listed in columns.LISTS.items():
        assert {name for column in listed for name in column.csv} <= set(known[page])


def test_a_view_keeps_the_choice() -> None:
    assert query_of("runs", {"status": "failed", "columns": "when"}) == "status=failed&columns=when"


@pytest.mark.django_db
def test_lists_show_what_their_address_names(tenant_a: Workspace, enter: Enter) -> None:
    published(tenant_a, {"slug": "a-flow", "name": "A flow", "trigger": {"type": "manual"}, "steps": [LOG]})
    browser = enter(tenant_a)

    whole = browser.get("/workflows/").content.decode()
    assert heads(whole) == ["Workflow", *(column.label for column in columns.LISTS["workflows"])]
    ticked = browser.get("/workflows/?q=flow&columns=changed&columns=state")
    assert (ticked.status_code, ticked["Location"]) == (302, "/workflows/?q=flow&columns=changed,state")
    some = browser.get(ticked["Location"]).content.decode()
    assert heads(some) == ["Workflow", "State", "Changed"]
    assert 'data-label="Success"' not in some
    assert '<input type="hidden" name="columns" value="changed,state">' in some  # of the form of filters
    assert "2 of 6" in some
    lines = browser.get("/workflows.csv?columns=changed,state").getvalue().decode().splitlines()
    assert lines[0] == "id,slug,name,state,version,tags,updated_at,updated_by"
    assert lines[1].count(",") == lines[0].count(",")
    assert heads(browser.get("/webhooks/?columns=state").content.decode()) == ["Endpoint", "State"]
    for path, code in (("/runs/", "when"), ("/events/", "when"), ("/failures/", "latest")):
        assert f'name="columns" value="{code}" checked' in browser.get(path).content.decode()
    row = browser.get(
        "/workflows/", headers={"HX-Request": "true", "HX-Current-URL": "http://a/workflows/?columns=state"}
    )
    assert heads(row.content.decode()) == ["Workflow", "State"]
