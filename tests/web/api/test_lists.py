"""Lists: filters, pages that stay the same while rows arrive, and a fixed number of statements."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi
from tests.web.api.support import NOW, Api, Rows

pytestmark = pytest.mark.django_db


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [result["id"] for result in answer.json()["results"]]


def follow(api: Api, url: str) -> Any:
    """Ask for a page by the URL that another page gave."""
    prefix = "http://testserver/api/v1"
    assert url.startswith(prefix)
    return api.client.get(url.removeprefix("http://testserver"), headers=api.headers)


def test_a_walk_sees_each_row_once_while_new_ones_arrive(api: Api, rows: Rows) -> None:
    made = [str(rows.event(at=NOW + timedelta(seconds=i)).pk) for i in range(7)]
    page = api.get("/events", limit=3)
    seen = ids(page)
    late = NOW + timedelta(seconds=100)

    while url := page.json()["next"]:
        rows.event(at=late)  # on top, after the walk began
        late += timedelta(seconds=1)
        page = follow(api, url)
        seen += ids(page)

    assert seen == list(reversed(made))


def test_the_way_back_leads_to_the_same_rows(api: Api, rows: Rows) -> None:
    for i in range(5):
        rows.event(at=NOW + timedelta(seconds=i))
    first = api.get("/events", limit=2)
    second = follow(api, first.json()["next"])

    back = follow(api, second.json()["previous"])

    assert ids(back) == ids(first)
    assert back.json()["previous"] is None
    assert first.json()["previous"] is None


def test_a_page_keeps_its_filters(api: Api, rows: Rows) -> None:
    for i in range(6):
        rows.event(at=NOW + timedelta(seconds=i), type="even.one" if i % 2 == 0 else "odd.one")

    first = api.get("/events", limit=2, type="even.one")
    second = follow(api, first.json()["next"])

    assert len(ids(first)) == 2
    assert len(ids(second)) == 1
    assert {result["type"] for result in second.json()["results"]} == {"even.one"}


def test_events_are_found_by_type_source_trace_and_time(api: Api, rows: Rows) -> None:
    trace = uuid4()
    wanted = rows.event(at=NOW, type="a", source="webhook:default", trace_id=trace)
    rows.event(at=NOW + timedelta(minutes=1), type="b", source="api")
    minute = timedelta(minutes=1)

    for query in (
        {"type": "a"},
        {"source": "webhook:default"},
        {"trace_id": trace.hex},
        {"trace_id": str(trace)},
        {"until": (NOW + minute).isoformat()},
        {"since": (NOW - minute).isoformat(), "until": "2026-11-21T08:31:00Z"},
        {"since": "2026-11-21T09:30:00+01:00", "until": "2026-11-21T09:31:00+01:00"},
    ):
        assert ids(api.get("/events", **query)) == [str(wanted.pk)], query


def test_runs_are_found_by_status_workflow_event_trace_and_time(api: Api, rows: Rows) -> None:
    workflow, other = rows.workflow(), rows.workflow("other-flow")
    event = rows.event(at=NOW)
    wanted = rows.run(event, workflow, status="failed")
    later = rows.event(at=NOW + timedelta(hours=1))
    rows.run(later, other)

    for query in (
        {"status": "failed"},
        {"status": "failed,waiting"},
        {"workflow": "order-flow"},
        {"workflow": str(workflow.pk)},
        {"event_id": str(event.pk)},
        {"trace_id": event.trace_id.hex},
        {"until": (NOW + timedelta(minutes=1)).isoformat()},
    ):
        assert ids(api.get("/runs", **query)) == [str(wanted.pk)], query
    assert ids(api.get("/runs", workflow="no-such-flow")) == []


def test_a_list_shows_no_payload(api: Api, rows: Rows) -> None:
    rows.event(payload={"card": "canary-4111"})

    assert b"canary" not in api.get("/events").content


@pytest.mark.parametrize("path", ["/events", "/runs", "/workflows", "/workflows/order-flow-0/versions"])
def test_a_list_costs_the_same_statements_for_one_row_and_for_fifty(api: Api, rows: Rows, path: str) -> None:
    def fill(count: int, start: int) -> None:
        for i in range(start, start + count):
            workflow = rows.workflow(f"order-flow-{i}")
            rows.run(rows.event(at=NOW + timedelta(seconds=i)), workflow)

    fill(1, 0)
    api.get(path)  # the key's first use is noted once a minute
    with CaptureQueriesContext(connection) as one:
        api.get(path)
    fill(49, 1)
    with CaptureQueriesContext(connection) as fifty:
        assert api.get(path).status_code == 200

    assert len(fifty) == len(one) <= 6, [query["sql"] for query in fifty.captured_queries]


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1e2", "ten", "٣", "9" * 400, ""])
def test_a_limit_that_is_none_is_refused(api: Api, limit: str) -> None:
    answer = api.get("/events", limit=limit)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["details"]["param"] == "limit"


@pytest.mark.parametrize("cursor", ["x", "====", "bm90aGluZw", "b" * 1000, "\x00", "bzAxOWFhOTAw", "../../etc", "é"])
def test_a_cursor_that_we_did_not_give_is_refused(api: Api, cursor: str) -> None:
    answer = api.get("/events", cursor=cursor)

    assert answer.status_code == 422, answer.content
    assert answer.json()["details"]["param"] == "cursor"


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/events", {"tpye": "a"}, "unknown_parameter"),
        ("/events", {"type__startswith": "a"}, "unknown_parameter"),
        ("/events", {"payload__secret": "a"}, "unknown_parameter"),
        ("/events", {"type": "a\x00b"}, "invalid"),
        ("/events", {"type": "x" * 201}, "invalid"),
        ("/events", {"trace_id": "nonsense"}, "invalid"),
        ("/events", {"since": "yesterday"}, "invalid"),
        ("/events", {"since": "2026-11-21T08:30:00"}, "invalid"),
        ("/events", {"since": "2026-02-31T00:00:00Z"}, "invalid"),
        ("/runs", {"status": "done"}, "invalid"),
        ("/runs", {"status": "failed,done"}, "invalid"),
        ("/runs", {"event_id": "7"}, "invalid"),
        ("/runs", {"expand": "event"}, "unknown_parameter"),
        ("/workflows", {"slug": "a"}, "unknown_parameter"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(api: Api, path: str, query: dict[str, str], code: str) -> None:
    answer = api.get(path, **query)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_times_at_the_ends_of_the_calendar_are_no_error(api: Api, rows: Rows) -> None:
    event = rows.event()

    assert ids(api.get("/events", since="0001-01-01T00:00:00Z")) == [str(event.pk)]
    assert ids(api.get("/events", since="9999-12-31T23:59:59Z")) == []


def test_page_urls_do_not_follow_the_host_header(api: Api, rows: Rows, make_api: MakeApi, tenant_a: Workspace) -> None:
    for i in range(2):
        rows.event(at=NOW + timedelta(seconds=i))

    answer = api.client.get(
        "/api/v1/events?limit=1",
        headers={**api.headers, "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"},
    )

    assert answer.json()["next"].startswith("http://testserver/api/v1/events?")
