"""Webhook rates: never more than N in any window, nothing refused that fits; over it the sender is told, or held."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.support.waiting import Eventually
from tests.web.gateway.conftest import Inside, Post, Sender, many
from tests.web.gateway.rates import endpoint_of, most_in_a_window, set_limit

pytestmark = pytest.mark.processes
Look = Callable[[Sender], Inside]


def test_a_request_over_the_rate_is_refused_with_when_to_come_back(
    alone: Sender, owner_connection: psycopg.Connection[Any], inside: Look
) -> None:
    set_limit(owner_connection, alone, per_window=3)

    replies = [alone.post() for _ in range(5)]

    assert [reply.status for reply in replies] == [202, 202, 202, 429, 429]
    refused = replies[3]
    assert refused.code == "rate_limited"
    wait = int(refused.headers["retry-after"])
    assert 55 <= wait <= 61
    assert refused.headers["ratelimit-policy"] == '"default";q=3;w=60'
    assert refused.headers["ratelimit"] == f'"default";r=0;t={wait}'
    assert refused.headers["x-ratelimit-limit"] == "3"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.headers["x-ratelimit-reset"] == str(wait)
    assert refused.json["details"] == {"limit": 3, "window_seconds": 60.0, "retry_after": wait, "whose": "workspace"}
    assert inside(alone).count("event") == 3
    assert inside(alone).rows("outboxjob", "kind", "1").count(("event",)) == 3


def test_a_slot_is_free_again_one_window_later(
    alone: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    set_limit(owner_connection, alone, per_window=2, window_ms=500)

    async def three(post: Post) -> list[tuple[int, Any]]:  # at once: one after the other a busy machine needs longer
        return await asyncio.gather(*(post() for _ in range(3)))

    assert sorted(status for status, _ in many(alone, three)) == [202, 202, 429]

    assert eventually(lambda: alone.post().status == 202)


def test_repeats_count_and_what_was_not_authenticated_does_not(
    alone: Sender, owner_connection: psycopg.Connection[Any], inside: Look
) -> None:
    set_limit(owner_connection, alone, per_window=3)
    for _ in range(4):
        assert alone.gateway.send("POST", alone.path, b"{}", {"Authorization": "Bearer x"}).status == 401

    statuses = [alone.post(Idempotency_Key="same").status for _ in range(4)]

    assert statuses == [202, 202, 202, 429]
    assert inside(alone).count("event") == 1


def test_repeats_in_one_flush_count_one_by_one(
    alone: Sender, owner_connection: psycopg.Connection[Any], inside: Look
) -> None:
    set_limit(owner_connection, alone, per_window=7)

    async def at_once(post: Post) -> list[int]:
        import asyncio

        answers = await asyncio.gather(*(post(Idempotency_Key="same") for _ in range(20)))
        return sorted(status for status, _ in answers)

    assert many(alone, at_once) == [202] * 7 + [429] * 13
    assert inside(alone).count("event") == 1


def test_an_endpoint_has_a_rate_of_its_own_and_the_workspace_is_asked_too(
    alone: Sender, owner_connection: psycopg.Connection[Any]
) -> None:
    endpoint_id = endpoint_of(owner_connection, alone)
    set_limit(owner_connection, alone, per_window=2, endpoint_id=endpoint_id)
    set_limit(owner_connection, alone, per_window=5)

    replies = [alone.post() for _ in range(3)]

    assert [reply.status for reply in replies] == [202, 202, 429]
    assert replies[2].json["details"]["whose"] == "endpoint"
    used = owner_connection.execute("SELECT subject, counts FROM public.automate_tenants_ratewindow").fetchall()
    tenant = alone.workspace.ref.id
    assert {subject: sum(counts) for subject, counts in used} == {
        f"{tenant}:webhooks": 2,
        f"{tenant}:endpoint:{endpoint_id}": 2,
    }


def test_another_workspace_has_its_own_rate(
    alone: Sender, tenant_b: Any, owner_connection: psycopg.Connection[Any]
) -> None:
    other = Sender(alone.gateway, tenant_b)
    set_limit(owner_connection, alone, per_window=1)

    assert [alone.post().status, alone.post().status] == [202, 429]
    assert [other.post().status, other.post().status] == [202, 202]


def test_a_window_lost_in_a_crash_is_rebuilt_from_the_accepted_events(
    alone: Sender, owner_connection: psycopg.Connection[Any]
) -> None:
    set_limit(owner_connection, alone, per_window=3)
    assert [alone.post().status for _ in range(2)] == [202, 202]
    owner_connection.execute("TRUNCATE public.automate_tenants_ratewindow")  # what a crash does to an UNLOGGED table

    assert [alone.post().status for _ in range(2)] == [202, 429]


def test_a_limit_that_was_raised_counts_within_seconds(
    alone: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    set_limit(owner_connection, alone, per_window=1)
    assert [alone.post().status for _ in range(2)] == [202, 429]

    set_limit(owner_connection, alone, per_window=10)

    assert eventually(lambda: alone.post().status == 202)


def test_what_is_held_is_accepted_and_due_within_the_rate(
    alone: Sender, owner_connection: psycopg.Connection[Any], inside: Look
) -> None:
    set_limit(owner_connection, alone, per_window=4, window_ms=10_000, is_held=True)

    statuses = [alone.post(b'{"n":%d}' % n).status for n in range(14)]

    assert statuses == [202] * 14
    due = [float(at) for (at,) in inside(alone).rows("outboxjob", "extract(epoch FROM available_at) * 1000", "1")]
    assert most_in_a_window(due, 10_000) <= 4
    assert due[-1] - due[0] < 31_000  # and none later than the rate demands
    decisions = inside(alone).rows("matchdecision", "decision, reason, workflow_id", "id")
    assert len(decisions) == 10
    assert {(decision, reason.partition(":")[0], workflow) for decision, reason, workflow in decisions} == {
        ("held", "rate_limit", None)
    }


def test_holding_has_an_end(alone: Sender, owner_connection: psycopg.Connection[Any]) -> None:
    set_limit(owner_connection, alone, per_window=1, window_ms=60_000, is_held=True)

    statuses = [alone.post().status for _ in range(13)]

    assert statuses[:11] == [202] * 11  # now, and in the ten windows that follow
    assert statuses[-1] == 429
