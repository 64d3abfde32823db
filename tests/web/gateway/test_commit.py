"""Group commit by itself: bounds, folding, one poisoned event among good ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from automate.ids import dedupe_id, new_id
from automate.ingest.refusal import Refusal
from automate_web.gateway.commit import GroupCommit
from automate_web.gateway.lane import FlushLimits
from automate_web.gateway.link import Link
from automate_web.gateway.waiting import NewEvent, Stored
from tests.support import server
from tests.support.workspaces import Workspace


def event(workspace: Workspace, payload: str = "{}", key: str | None = None) -> NewEvent:
    return NewEvent(
        tenant_id=workspace.ref.id,
        event_id=new_id(),
        trace_id=UUID(int=1),
        type="t",
        source="s",
        payload=payload,
        headers="{}",
        received_at=datetime.now(UTC),
        body_hash=payload.encode().ljust(32),
        dedupe_id=dedupe_id("s", key) if key else None,
        dedupe_source="s" if key else None,
        dedupe_key=key,
    )


def committed(
    urls: server.DatabaseUrls,
    work: Callable[[GroupCommit], Awaitable[Any]],
    *,
    max_events: int = 1000,
    flush: int = 500,
) -> tuple[Any, list[set[int]]]:
    """What `work` returns, and what was said to have been stored, in order."""
    rung: list[set[int]] = []

    async def run() -> Any:
        commit = GroupCommit(
            lambda: Link(urls.app, name="test"),
            on_stored=rung.append,
            on_denied=lambda denial: None,
            limits=FlushLimits(events=flush, bytes=1_000_000),
            max_waiting_events=max_events,
            max_waiting_bytes=10_000,
        )
        try:
            return await work(commit)
        finally:
            await commit.finish()

    return asyncio.run(run()), rung


async def outcomes(commit: GroupCommit, events: list[NewEvent]) -> list[Stored | str]:
    answers = await asyncio.gather(*(commit.put(new) for new in events), return_exceptions=True)
    return [answer.code if isinstance(answer, Refusal) else answer for answer in answers]  # type: ignore[misc]


def test_events_above_the_bounds_are_told_to_come_back(
    tenant_a: Workspace, fresh_database: server.DatabaseUrls
) -> None:
    many = [event(tenant_a) for _ in range(10)]
    answers, _ = committed(fresh_database, lambda commit: outcomes(commit, many), max_events=4)
    assert [isinstance(answer, Stored) for answer in answers] == [True] * 4 + [False] * 6
    assert set(answers[4:]) == {"overloaded"}

    large = [event(tenant_a, f'"{"x" * 3000}"') for _ in range(5)]
    answers, _ = committed(fresh_database, lambda commit: outcomes(commit, large))
    assert answers[3:] == ["overloaded", "overloaded"]


def test_room_is_given_back_after_each_answer(tenant_a: Workspace, fresh_database: server.DatabaseUrls) -> None:
    async def work(commit: GroupCommit) -> list[list[Stored | str]]:
        return [await outcomes(commit, [event(tenant_a) for _ in range(4)]) for _ in range(3)]

    rounds, _ = committed(fresh_database, work, max_events=4)
    assert all(isinstance(answer, Stored) for answers in rounds for answer in answers)


def test_a_poisoned_event_is_refused_alone(
    tenant_a: Workspace, tenant_b: Workspace, fresh_database: server.DatabaseUrls,
    owner_connection: psycopg.Connection[Any],
) -> None:  # fmt: skip
    good = [event(workspace, key=f"k{n}") for n in range(5) for workspace in (tenant_a, tenant_b)]
    poisoned = event(tenant_a, '{"a":"\\u0000"}')
    answers, rung = committed(fresh_database, lambda commit: outcomes(commit, [*good[:4], poisoned, *good[4:]]))

    assert answers.pop(4) == "unstorable_text"
    assert [answer.event_id for answer in answers] == [new.event_id for new in good]
    assert set().union(*rung) == {tenant_a.ref.id, tenant_b.ref.id}
    for workspace in (tenant_a, tenant_b):
        query = f'SELECT count(*) FROM "{workspace.ref.schema_name}".automate_outboxjob'
        assert owner_connection.execute(query).fetchone() == (5,)


def test_equal_keys_fold_within_a_flush_and_meet_the_first_across_flushes(
    tenant_a: Workspace, tenant_b: Workspace, fresh_database: server.DatabaseUrls
) -> None:
    batch = [event(workspace, str(n), key="same") for n in range(6) for workspace in (tenant_a, tenant_b)]
    answers, _ = committed(fresh_database, lambda commit: outcomes(commit, batch), flush=3)

    for offset in (0, 1):
        first, *others = answers[offset::2]
        assert (first.event_id, first.is_duplicate) == (batch[offset].event_id, False)
        assert {(other.event_id, other.is_duplicate, other.body_differs) for other in others} == {
            (first.event_id, True, True)
        }


def test_a_tenant_that_does_not_exist_stores_nothing(tenant_a: Workspace, fresh_database: server.DatabaseUrls) -> None:
    stranger = event(tenant_a)
    stranger.tenant_id = 10**9
    answers, rung = committed(fresh_database, lambda commit: outcomes(commit, [stranger]))

    assert answers == ["workspace_suspended"]
    assert rung == []


@pytest.mark.parametrize("tenants", [1, 2])
def test_many_events_come_out_in_the_order_of_their_senders(
    tenant_a: Workspace, tenant_b: Workspace, fresh_database: server.DatabaseUrls, tenants: int
) -> None:
    batch = [event((tenant_a, tenant_b)[n % tenants], key=f"k{n % 700}") for n in range(900)]
    answers, _ = committed(fresh_database, lambda commit: outcomes(commit, batch))

    firsts = {(new.tenant_id, new.dedupe_key): new.event_id for new in reversed(batch)}
    assert [answer.event_id for answer in answers] == [firsts[new.tenant_id, new.dedupe_key] for new in batch]
    assert sum(answer.is_duplicate for answer in answers) == 200
