"""A refusal episode is told of twice in its tenant's audit log, however many gateways saw it; time is passed in."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from automate_web.gateway.auditor import audit
from automate_web.gateway.episodes import Episodes
from automate_web.gateway.link import Link, LinkLost
from automate_web.gateway.samples import Refused
from tests.support import server
from tests.support.waiting import AtOnce, Eventually
from tests.support.workspaces import Workspace
from tests.web.gateway.conftest import Sender

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPENED, CLOSED = "webhook.refusals.opened", "webhook.refusals.closed"
TRACE = UUID(int=7)


@dataclass(frozen=True)
class House:
    """One database, its two workspaces, and what gateways do there."""

    urls: server.DatabaseUrls
    owner: psycopg.Connection[Any]
    workspaces: tuple[Workspace, Workspace]

    def sample(self, seconds: float, *, code: str = "invalid_json", message: str = "no", of: int = 0) -> Refused:
        workspace = self.workspaces[of]
        return Refused(
            tenant_id=workspace.ref.id,
            endpoint_id=workspace.opened.endpoint.pk,
            code=code,
            message=message,
            details={},
            trace_id=TRACE,
            ip="192.0.2.1",
            received_at=NOON + timedelta(seconds=seconds),
            masks_emails=False,
            content=None,
        )

    def flush(self, *samples: Refused, at: float | None = None) -> None:
        """What one gateway process writes; it looks at its clock `at` seconds after noon."""
        self._count(samples)
        episodes = Episodes()
        for sample in samples:
            episodes.note(sample)
        now = samples[-1].received_at if at is None else NOON + timedelta(seconds=at)

        async def write(link: Link) -> None:
            if await episodes.write(link):
                await audit(link, now=now)

        self.linked(write)
        assert not episodes

    def look(self, seconds: float) -> None:
        """One gateway's look for episodes that are over."""
        self.linked(lambda link: audit(link, now=NOON + timedelta(seconds=seconds)))

    def end(self, seconds: float) -> None:
        self.look(seconds)
        self.look(seconds + 15)

    def linked(self, work: Callable[[Link], Awaitable[object]]) -> None:
        async def run() -> None:
            link = Link(self.urls.app, name="test")
            try:
                await work(link)
            finally:
                await link.close()

        asyncio.run(run())

    def entries(self, of: int = 0) -> list[tuple[str, dict[str, Any]]]:
        schema = self.workspaces[of].ref.schema_name
        query = (
            f"SELECT action, details FROM {schema}.automate_auditlogentry WHERE action LIKE 'webhook.ref%' ORDER BY id"
        )
        return list(self.owner.execute(query).fetchall())

    def actions(self, of: int = 0) -> list[str]:
        return [action for action, _ in self.entries(of)]

    def open(self) -> list[tuple[Any, ...]]:
        query = "SELECT tenant_id, latest_error FROM public.automate_tenants_refusalepisode ORDER BY id"
        return list(self.owner.execute(query).fetchall())

    def _count(self, samples: tuple[Refused, ...]) -> None:
        minutes = Counter(
            (s.tenant_id, s.endpoint_id, s.code, s.received_at.replace(second=0, microsecond=0)) for s in samples
        )
        columns = zip(*((*key, count) for key, count in sorted(minutes.items(), key=str)), strict=True)
        arguments = [list(column) for column in columns]

        async def count(link: Link) -> None:
            await link.run("count_refusals", *arguments)

        self.linked(count)


@pytest.fixture
def house(workspaces: tuple[Workspace, Workspace], fresh_database: server.DatabaseUrls) -> Iterator[House]:
    with psycopg.connect(fresh_database.owner, autocommit=True) as owner:
        yield House(fresh_database, owner, workspaces)


def test_an_episode_opens_once_and_closes_with_its_counts_and_span(house: House) -> None:
    house.flush(house.sample(0, message="first"), house.sample(1), house.sample(2, code="too_deep"))
    house.flush(house.sample(599, message="later"), house.sample(1100, code="too_deep"))
    assert house.entries() == [
        (OPENED, {"code": "invalid_json", "message": "first", "started_at": "2026-03-01T12:00:00.000Z"})
    ]
    house.end(1699)
    assert house.actions() == [OPENED]
    house.look(1700)
    house.look(1714)
    assert house.actions() == [OPENED]
    house.look(1729)

    counts = {"invalid_json": 3, "too_deep": 2}
    span = {"started_at": "2026-03-01T12:00:00.000Z", "ended_at": "2026-03-01T12:18:20.000Z"}
    assert house.entries()[1:] == [(CLOSED, {"counts": counts, "total": 5, **span})]
    assert house.open() == []
    house.end(9000)
    assert house.actions() == [OPENED, CLOSED]
    assert house.entries(of=1) == []


def test_an_entry_says_who_what_and_where(house: House) -> None:
    house.flush(house.sample(0), at=3)
    schema, endpoint = house.workspaces[0].ref.schema_name, house.workspaces[0].opened.endpoint.pk
    columns = "actor, resource, trace_id, host(ip), created_at"
    query = f"SELECT {columns} FROM {schema}.automate_auditlogentry WHERE action = %s"
    assert house.owner.execute(query, [OPENED]).fetchall() == [
        ("system", f"endpoint:{endpoint}", TRACE, "192.0.2.1", NOON + timedelta(seconds=3))
    ]


def test_ten_quiet_minutes_part_two_episodes_and_less_does_not(house: House) -> None:
    house.flush(house.sample(0))
    house.flush(house.sample(599.9))
    house.flush(house.sample(599.9 + 600, code="too_deep"))  # nobody was there to close the first one
    assert house.actions() == [OPENED, OPENED]
    house.end(1200)
    assert house.actions() == [OPENED, OPENED, CLOSED]
    house.end(1900)
    assert [details["counts"] for action, details in house.entries() if action == CLOSED] == [
        {"invalid_json": 2}, {"too_deep": 1},
    ]  # fmt: skip


def test_refusals_kept_through_an_outage_are_parted_where_they_were_quiet(house: House) -> None:
    house.flush(house.sample(0), house.sample(5), house.sample(700), at=1400)
    assert house.actions() == [OPENED, OPENED]
    house.look(1415)
    assert [details["total"] for _, details in house.entries()[2:]] == [2, 1]
    assert house.open() == []


def test_late_news_of_another_gateway_keep_an_episode_open(house: House) -> None:
    house.flush(house.sample(0))
    house.look(610)  # quiet, as far as is known
    house.flush(house.sample(300), at=611)
    house.look(625)
    assert house.actions() == [OPENED]
    house.end(900)
    assert house.entries()[1][1]["total"] == 2


def test_what_could_not_be_noted_is_noted_later_and_a_repeat_changes_nothing(house: House) -> None:
    episodes = Episodes()
    episodes.note(house.sample(0))

    async def nowhere() -> None:
        link = Link("postgresql://nobody@127.0.0.1:1/none", name="test")
        with pytest.raises(LinkLost):
            await episodes.write(link)

    asyncio.run(nowhere())
    assert episodes
    house.flush(house.sample(0))  # as if the first writing had taken effect and its answer been lost
    house.linked(episodes.write)
    assert not episodes
    assert (house.actions(), len(house.open())) == ([OPENED], 1)


def test_many_gateways_at_once_open_and_close_one_episode(house: House, at_once: AtOnce) -> None:
    at_once(*(lambda n=n: house.flush(*(house.sample(n + i / 10) for i in range(5))) for n in range(8)))
    assert (house.actions(), len(house.open())) == ([OPENED], 1)
    for seconds in (700, 715):
        at_once(*(lambda seconds=seconds: house.look(seconds) for _ in range(8)))
    assert house.actions() == [OPENED, CLOSED]
    assert house.entries()[1][1]["total"] == 40


def test_a_suspended_workspace_is_told_as_well(house: House) -> None:
    house.owner.execute(
        "UPDATE public.automate_tenants_tenant SET status = 'suspended' WHERE id = %s", [house.workspaces[0].ref.id]
    )
    house.flush(house.sample(0, code="workspace_suspended"))
    house.end(600)
    assert [(action, details.get("counts")) for action, details in house.entries()] == [
        (OPENED, None), (CLOSED, {"workspace_suspended": 1}),
    ]  # fmt: skip


def test_a_broken_schema_harms_nobody_and_is_told_once_it_is_mended(house: House) -> None:
    broken = house.workspaces[0].ref
    table = f"{broken.schema_name}.automate_auditlogentry"
    house.owner.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
    house.flush(house.sample(0), house.sample(0, of=1))
    assert house.actions(of=1) == [OPENED]
    house.end(700)
    assert house.actions(of=1) == [OPENED, CLOSED]
    [(tenant_id, error)] = house.open()
    assert tenant_id == broken.id
    assert "automate_auditlogentry" in error

    house.owner.execute(f"ALTER TABLE {broken.schema_name}.elsewhere RENAME TO automate_auditlogentry")
    house.look(701)  # not yet: it is tried again each minute
    assert house.actions() == []
    house.end(780)
    assert house.actions() == [OPENED, CLOSED]


def test_a_schema_held_by_a_migration_delays_its_entry_only(house: House) -> None:
    schema = house.workspaces[0].ref.schema_name
    with psycopg.connect(house.urls.owner) as migration:
        migration.execute(f"LOCK TABLE {schema}.automate_auditlogentry IN ACCESS EXCLUSIVE MODE")
        house.flush(house.sample(0), house.sample(0, of=1))
        assert house.actions(of=1) == [OPENED]
        assert "lock timeout" in house.open()[0][1]
        migration.rollback()
    house.look(61)
    assert house.actions() == [OPENED]


def test_of_a_workspace_that_is_gone_nothing_stays(house: House) -> None:
    house.flush(replace(house.sample(0), tenant_id=987_654))
    assert house.open() == []


def test_more_episodes_than_one_transaction_takes_are_all_told(house: House) -> None:
    house.flush(*(replace(house.sample(n / 1000), endpoint_id=UUID(int=n)) for n in range(120)))
    assert house.actions() == [OPENED] * 120
    house.end(700)
    assert Counter(house.actions()) == {OPENED: 120, CLOSED: 120}


def test_a_look_visits_no_schema_without_a_due_episode(house: House) -> None:
    house.flush(house.sample(0))
    for workspace in house.workspaces:  # a visit would be noted as an error
        house.owner.execute(f"ALTER SCHEMA {workspace.ref.schema_name} RENAME TO gone_{workspace.ref.id}")
    house.look(599)
    assert house.open() == [(house.workspaces[0].ref.id, "")]


def test_the_message_is_redacted_and_may_hold_anything(house: House) -> None:
    house.flush(house.sample(0, message="see https://a.example/?token=t0ps3cret\x00\ud800" + "x" * 900))
    message = house.entries()[0][1]["message"]
    assert message.startswith("see https://a.example/?token=********")
    assert "t0ps3cret" not in json.dumps(house.entries())
    assert len(message) <= 500


@pytest.mark.processes
def test_two_gateways_tell_of_one_episode_and_a_restarted_one_closes_it(
    alone: Sender, alpha: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    table = f"{alone.workspace.ref.schema_name}.automate_auditlogentry"
    query = f"SELECT action, details -> 'counts' FROM {table} WHERE action LIKE 'webhook.ref%' ORDER BY id"
    latest = "SELECT max(latest_at) FROM public.automate_tenants_refusalepisode WHERE tenant_id = %s"

    def noted_since(moment: datetime) -> bool:
        [(latest_at,)] = owner_connection.execute(latest, [alone.workspace.ref.id]).fetchall()
        return latest_at is not None and latest_at >= moment

    name = b'{"a\\u0000":1,"a\\u0000":2}'  # it is shown to the sender, and cannot be stored as it is
    for sender in (alone, alpha):
        assert sender.post(name).code == "duplicate_name"
        moment = datetime.now(UTC)
        assert sender.post(b"{").code == "invalid_json"
        assert eventually(lambda moment=moment: noted_since(moment))
    assert eventually(lambda: owner_connection.execute(query).fetchall() == [(OPENED, None)])

    alone.gateway.kill()
    alpha.gateway.kill()
    for table, columns in (("refusalepisode", ("started_at", "latest_at", "due_at")), ("refusalcount", ("minute",))):
        earlier = ", ".join(f"{column} = {column} - interval '1 hour'" for column in columns)
        owner_connection.execute(f"UPDATE public.automate_tenants_{table} SET {earlier}")
    owner_connection.execute("UPDATE public.automate_tenants_refusalepisode SET seen_quiet_at = started_at")
    alone.gateway.start()
    [_, (action, counts)] = eventually(
        lambda: len(rows := owner_connection.execute(query).fetchall()) == 2 and rows, seconds=20
    )
    assert (action, counts) == (CLOSED, {"duplicate_name": 2, "invalid_json": 2})
