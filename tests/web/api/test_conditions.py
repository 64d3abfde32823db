"""`ETag`, `If-None-Match`, `If-Match`, `fields`, `ordering`: on every resource, the same way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.utils import OperationalError

from automate.models import Schedule
from automate_tenants.context import tenant_scope
from automate_web.api import conditions
from tests.support.workspaces import Workspace
from tests.web.api.support import NOW, Api, Rows

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/events", "/runs", "/workflows", "/workspace", "/policy", "/halt", "/usage"])
def test_what_the_caller_has_already_is_an_empty_304(api: Api, path: str) -> None:
    first = api.get(path)

    again = api.get(path, {"If-None-Match": f'"other", W/{first["ETag"]}'})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again["ETag"] == first["ETag"]


def test_a_list_with_a_new_row_is_another_answer(api: Api, rows: Rows) -> None:
    etag = api.get("/events")["ETag"]
    rows.event()

    assert api.get("/events", {"If-None-Match": etag}).status_code == 200


def test_a_change_that_saw_something_older_is_refused(api: Api) -> None:
    etag = api.get("/workspace")["ETag"]

    made = api.send("PATCH", "/workspace", {"name": "First"}, {"If-Match": etag})
    late = api.send("PATCH", "/workspace", {"name": "Second"}, {"If-Match": etag})

    assert (made.status_code, late.status_code, late.json()["code"]) == (200, 409, "conflict")
    now = api.get("/workspace")
    assert now.json()["name"] == "First"
    assert late.json()["details"]["etag"] == now["ETag"]


def test_a_change_of_whichever_is_there_asks_nothing(api: Api) -> None:
    assert api.send("PATCH", "/workspace", {"name": "Other"}, {"If-Match": "*"}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_row_that_changes_between_looking_and_writing_is_a_conflict(
    api: Api, rows: Rows, tenant_a: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = rows.schedule(rows.workflow())
    path = f"/schedules/{schedule.pk}"
    etag = api.get(path)["ETag"]
    names = conditions._names

    def somebody_is_quicker(header: str, tag: str) -> bool:
        """Between the look and the write, another connection changes the row."""
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT set_config('search_path', %s, false)", [tenant_a.ref.schema_name])
            cursor.execute(
                f"UPDATE {Schedule._meta.db_table} SET updated_at = %s WHERE id = %s",
                [NOW + timedelta(days=1), schedule.pk],
            )
        other.close()
        return names(header, tag)

    monkeypatch.setattr(conditions, "_names", somebody_is_quicker)
    refused = api.send("PATCH", path, {"is_paused": True}, {"If-Match": etag})

    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    with tenant_scope(tenant_a.ref):
        assert Schedule.objects.get(pk=schedule.pk).is_paused is False


def test_only_a_lost_race_is_called_a_conflict() -> None:
    with pytest.raises(OperationalError), conditions._one_state():
        raise OperationalError("the server is away")


def test_fields_leave_what_was_asked_for(api: Api, rows: Rows) -> None:
    event = rows.event()
    rows.run(event, rows.workflow())

    listed: dict[str, Any] = api.get("/events", fields="id,type").json()
    one = api.get(f"/events/{event.pk}", fields="payload")

    assert listed["results"] == [{"id": str(event.pk), "type": "order.created"}]
    assert listed["next"] is None
    assert one.json() == {"payload": {"id": 7}}
    assert one["ETag"] == api.get(f"/events/{event.pk}")["ETag"]


def test_a_field_that_does_not_exist_is_refused_with_those_that_do(api: Api) -> None:
    refused = api.get("/events", fields="id,nonsense")

    assert (refused.status_code, refused.json()["details"]["param"]) == (422, "fields")
    assert "trace_id" in refused.json()["details"]["known"]


def test_the_oldest_first_there_and_back(api: Api, rows: Rows) -> None:
    made = [str(rows.event(at=NOW + timedelta(seconds=n)).pk) for n in range(5)]

    first = api.get("/events", ordering="id", limit=2).json()
    second = api.client.get(first["next"], headers=api.headers).json()
    third = api.client.get(second["next"], headers=api.headers).json()
    back = api.client.get(second["previous"], headers=api.headers).json()

    assert [each["id"] for page in (first, second, third) for each in page["results"]] == made
    assert (first["previous"], third["next"]) == (None, None)
    assert back["results"] == first["results"]
    assert api.get("/events", ordering="name").status_code == 422


def test_a_span_back_from_now_is_a_time(api: Api, rows: Rows) -> None:
    rows.event(at=NOW - timedelta(days=400))

    assert api.get("/events", since="1d").json()["results"] == []
    assert len(api.get("/events", since="90000d").json()["results"]) == 1
    assert api.get("/events", since="soon").status_code == 422


def test_lists_can_be_searched_as_their_pages_can(api: Api, rows: Rows) -> None:
    started, other = rows.event(type="order.created"), rows.event(type="user.created")
    run = rows.run(started, rows.workflow("order-flow"))

    def found(path: str, **query: str) -> list[str]:
        return [each["id"] for each in api.get(path, **query).json()["results"]]

    assert found("/events", q="USER") == [str(other.pk)]
    assert found("/events", status="started") == [str(started.pk)]
    assert found("/runs", q="order") == found("/runs", type="order.created") == [str(run.pk)]
    assert found("/runs", q="none") == found("/runs", type="user.created") == []
