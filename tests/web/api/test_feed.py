"""The feed: each event once, none left out, whatever the order in which transactions end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from automate.models import Event
from tests.support.workspaces import Workspace
from tests.web.api.support import Api, Rows, id_at


def read(api: Api, cursor: str | None = None, **query: Any) -> tuple[list[str], str]:
    """Every event that the feed has now, page by page, and where it goes on."""
    found: list[str] = []
    while True:
        answer = api.get("/events/feed", **query, **({"cursor": cursor} if cursor else {})).json()
        found += [each["id"] for each in answer["results"]]
        cursor = answer["cursor"]
        if not answer["has_more"]:
            return found, cursor


@pytest.fixture
def elsewhere(tenant_a: Workspace) -> Iterator[Any]:
    """Another process with a transaction that is open."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT set_config('search_path', %s, false)", [tenant_a.ref.schema_name])
        cursor.execute("BEGIN")
        yield cursor
    other.close()


def store(cursor: Any, *, within: str = "") -> str:
    """An event in the other process's transaction, in a savepoint of it where `within` names one."""
    now, event_id = timezone.now(), id_at(timezone.now())
    if within:
        cursor.execute(f"SAVEPOINT {within}")
    cursor.execute(
        f"INSERT INTO {Event._meta.db_table} (id, type, payload, source, trace_id, received_at)"
        " VALUES (%s, 'order.created', '{}', 'api', %s, %s)",
        [event_id, uuid4(), now],
    )
    if within:
        cursor.execute(f"RELEASE SAVEPOINT {within}")
    return str(event_id)


@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_committed_late_is_neither_skipped_nor_told_twice(
    api: Api, rows: Rows, elsewhere: Any
) -> None:
    before = rows.event(at=timezone.now())
    _, cursor = read(api)
    slow = [store(elsewhere), store(elsewhere, within="in_a_savepoint")]
    quick = str(rows.event(at=timezone.now()).pk)  # a greater id, committed first

    meanwhile, cursor = read(api, cursor)
    elsewhere.execute("COMMIT")
    afterwards, cursor = read(api, cursor)
    nothing, _ = read(api, cursor)

    assert sorted(meanwhile + afterwards) == sorted([*slow, quick])
    assert set(slow) <= set(afterwards)
    assert nothing == []
    assert str(before.pk) not in meanwhile + afterwards


@pytest.mark.django_db(transaction=True)
def test_pages_of_one_reading_hold_each_event_once(api: Api, rows: Rows) -> None:
    _, cursor = read(api)
    made = [str(rows.event(at=timezone.now()).pk) for _ in range(5)]

    first = api.get("/events/feed", cursor=cursor, limit=2).json()
    rows.event(at=timezone.now() - timedelta(seconds=5))  # arrives between two pages, with a small id
    rest, cursor = read(api, first["cursor"], limit=2)

    assert first["has_more"] is True
    told = [each["id"] for each in first["results"]] + rest
    assert sorted(told[:5]) == sorted(made)
    assert len(told) == len(set(told)) == 6


@pytest.mark.django_db(transaction=True)
def test_it_begins_now_or_where_asked_and_says_what_events_carry(api: Api, rows: Rows) -> None:
    old = rows.event(at=timezone.now() - timedelta(hours=2))
    event = rows.event(
        at=timezone.now() - timedelta(minutes=20),
        payload={"id": 7, "password": "hunter2"},
        headers={"x-shop": "1", "authorization": "Bearer abc"},
        source="webhook:shop",
    )

    assert read(api)[0] == []
    assert read(api, since="1d")[0] == [str(old.pk), str(event.pk)]
    assert read(api, since="1d", source="webhook:shop")[0] == [str(event.pk)]
    (shown,) = api.get("/events/feed", since="30m").json()["results"]
    assert shown["payload"] == {"id": 7, "password": "********"}
    assert shown["headers"] == {"x-shop": "1", "authorization": "********"}


@pytest.mark.django_db
@pytest.mark.parametrize("cursor", ["", "x", "bzEyMw", "9" * 199, "OTIyMzM3MjAzNjg1NDc3NTgwNy4wLjAuMA"])
def test_a_cursor_that_is_none_of_this_feed_is_refused(api: Api, cursor: str) -> None:
    answer = api.get("/events/feed", cursor=cursor)

    assert answer.status_code == (200 if cursor == "" else 422)
    if cursor:
        assert answer.json()["code"] == "invalid_cursor"


@pytest.mark.django_db
def test_a_cursor_of_a_future_that_a_backup_took_back_is_refused(api: Api) -> None:
    from automate_web.event_feed import Position

    future = Position(2**62, 0, id_at(timezone.now()), uuid4())

    assert api.get("/events/feed", cursor=str(future)).json()["code"] == "invalid_cursor"


@pytest.mark.django_db
def test_the_stream_s_address_is_this_workspace_s(api: Api, tenant_a: Workspace, settings: Any) -> None:
    from urllib.parse import parse_qs, urlsplit

    from automate_web.gateway import live_token

    made = api.post("/events/stream-tokens").json()

    token = parse_qs(urlsplit(made["url"]).query)["token"][0]
    grant = live_token.verify(settings.LIVE_SECRET, token, now=timezone.now())
    assert grant is not None
    assert (grant.tenant_id, grant.schema_name) == (tenant_a.ref.id, tenant_a.ref.schema_name)
    assert made["url"].startswith("http://testserver/live/?token=")
