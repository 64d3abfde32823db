"""Lists: filters, pages that stay the same while rows arrive, and a fixed number of statements."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automate.models import Workflow
from automate_tenants.context import tenant_scope
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
        ("/runs", {"expand": "outputs"}, "invalid"),
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


@pytest.mark.parametrize(
    ("path", "field", "names"),
    [
        ("/workflows", "slug", ["b", "a", "d", "c"]),
        ("/workflows", "updated_at", ["b", "a", "d", "c"]),
        ("/webhooks", "slug", ["b", "a", "d", "c"]),
        ("/secrets", "name", ["B", "A", "D", "C"]),
    ],
)
def test_a_list_in_another_order_is_walked_both_ways(
    api: Api, rows: Rows, path: str, field: str, names: list[str]
) -> None:
    """Equal values, too: the first two workflows were changed at one moment."""
    for place, name in enumerate(names):
        if path == "/workflows":
            rows.workflow(name)
            with tenant_scope(rows.tenant):
                Workflow.objects.filter(slug=name).update(updated_at=NOW + timedelta(seconds=place // 2))
        elif path == "/webhooks":
            assert api.post(path, {"slug": name, "auth": "api_key"}).status_code == 201
        else:
            assert api.post(path, {"name": name, "value": "a value"}).status_code == 201

    for sign in ("", "-"):
        page = api.get(path, ordering=sign + field, limit=2)
        walked, pages = list(page.json()["results"]), [page.json()]
        while url := page.json()["next"]:
            page = follow(api, url)
            pages.append(page.json())
            walked += page.json()["results"]
        values = [(each[field], each.get("id", "")) for each in walked]
        assert values == sorted(values, reverse=bool(sign)), sign
        assert len(values) == len(set(values)) == len(api.get(path).json()["results"])
        assert follow(api, pages[1]["previous"]).json()["results"] == pages[0]["results"]


def test_events_in_the_order_of_their_receipt(api: Api, rows: Rows) -> None:
    made = [str(rows.event(at=NOW + timedelta(seconds=i)).pk) for i in (2, 0, 1)]

    assert ids(api.get("/events", ordering="received_at")) == [made[1], made[2], made[0]]
    assert ids(api.get("/events", ordering="-received_at")) == [made[0], made[2], made[1]]


@pytest.mark.parametrize(
    ("path", "ordering"),
    [("/runs", "created_at"), ("/events", "type"), ("/workflows", "name"), ("/workflows", "id,slug")],
)
def test_an_order_without_an_index_is_refused_with_those_there_are(api: Api, path: str, ordering: str) -> None:
    refused = api.get(path, ordering=ordering)

    assert (refused.status_code, refused.json()["details"]["param"]) == (422, "ordering")
    assert "id, -id" in refused.json()["details"]["expected"]


def test_a_cursor_belongs_to_its_order(api: Api, rows: Rows) -> None:
    for slug in ("a", "b", "c"):
        rows.workflow(slug)
    cursors = {}
    for ordering in ("id", "slug", "updated_at"):
        url = api.get("/workflows", ordering=ordering, limit=1).json()["next"]
        cursors[ordering] = url.partition("cursor=")[2]

    for ordering, cursor in cursors.items():
        for other in cursors.keys() - {ordering}:
            refused = api.get("/workflows", ordering=other, cursor=cursor)
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_cursor"), (ordering, other)


def test_runs_come_with_event_and_steps_as_each_alone_has_them(api: Api, rows: Rows) -> None:
    workflow = rows.workflow()
    made = [rows.run(rows.event(), workflow, attempts=2), rows.asking(rows.event(), workflow)]

    plain = api.get("/runs").json()["results"]
    listed = {each["id"]: each for each in api.get("/runs", expand="event,steps").json()["results"]}

    assert {(each["event"], each["steps"]) for each in plain} == {(None, None)}
    for run in made:
        alone = api.get(f"/runs/{run.pk}", expand="event").json()
        assert {name: alone[name] for name in ("event", "steps")} == {
            name: listed[str(run.pk)][name] for name in ("event", "steps")
        }
    refused = api.get("/runs", expand="steps", limit=51)
    assert (refused.status_code, refused.json()["details"]["param"]) == (422, "limit")


def test_expanding_a_list_takes_the_same_statements_for_many_rows(api: Api, rows: Rows) -> None:
    counts = []
    api.get("/runs")  # notes that the key was used
    for _ in range(2):
        for slug in (uuid4().hex[:8], uuid4().hex[:8]):
            rows.asking(rows.event(), rows.workflow(slug))
        with CaptureQueriesContext(connection) as asked:
            api.get("/runs", expand="event,steps")
        counts.append(len(asked))
    assert counts[0] == counts[1]
