"""Which of several ringers calls: one, and another as soon as the database knows that it is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connection

from automate.worker.bell import connection_parameters
from automate_platform.fleet.calls import LEADER_LOCK, Leadership

pytestmark = pytest.mark.django_db


@pytest.fixture
def ringers() -> Iterator[tuple[Leadership, Leadership]]:
    made = Leadership(), Leadership()
    yield made
    for one in made:
        one.close()


def cut_off_the_leader() -> None:
    """The database ends its connection, as in a restart."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE objid = %s", [LEADER_LOCK])
        assert cursor.fetchall() == [(True,)]


def test_one_leads_and_goes_on_leading(ringers: tuple[Leadership, Leadership]) -> None:
    first, second = ringers

    assert [first(), second(), first(), second()] == [True, False, True, False]


def test_who_was_cut_off_says_so_and_another_leads(ringers: tuple[Leadership, Leadership]) -> None:
    first, second = ringers
    assert [first(), second()] == [True, False]
    cut_off_the_leader()

    with pytest.raises(DatabaseError):  # so that it is not ready
        first()
    assert second()
    assert not first()  # it is back, and stands by


def test_it_reaches_the_database_by_all_that_django_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"sslrootcert": "/etc/ssl/ours.pem", "pool": True, "isolation_level": 2}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", told)

    assert connection_parameters()["sslrootcert"] == "/etc/ssl/ours.pem"
    assert not connection_parameters().keys() & {"pool", "isolation_level"}
