"""The embedded PostgreSQL: made, started, found again, stopped, as whoever we are."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from pathlib import Path

import psycopg
import pytest

from automate_platform.embedded import Keeper, Postgres, PostgresFailed, identity
from automate_platform.home import Home

FAST = {"fsync": "off"}


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def postgres(home):
    server = Postgres.of(home, settings=FAST)
    yield server
    server.stop()


def ask(server: Postgres, question: str):
    with psycopg.connect(server.superuser_url()) as connection:
        return connection.execute(question).fetchone()[0]


def test_data_survives_a_restart(postgres):
    postgres.start()
    with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    postgres.stop()
    assert postgres.pid() is None
    postgres.start()

    assert ask(postgres, "SELECT answer FROM kept") == 42


def test_order_and_case_do_not_depend_on_the_machine(postgres):
    postgres.start()

    assert ask(postgres, "SELECT datlocale FROM pg_database WHERE datname = 'postgres'") == "C.UTF-8"
    assert ask(postgres, "SELECT upper('ä')") == "Ä"


def test_it_listens_on_a_private_socket_only(postgres):
    postgres.start()

    assert ask(postgres, "SHOW listen_addresses") == ""
    folder = postgres.run_as.socket_folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_wrong_password_is_refused(postgres):
    postgres.start()

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url(user="postgres", password="wrong", database="postgres"))


def test_what_is_committed_is_on_the_disk_by_default(home):
    settings = Postgres.of(home).settings

    assert "fsync" not in settings and "synchronous_commit" not in settings  # the server's own defaults are on


def test_a_server_left_behind_is_stopped_and_its_data_served_again(home, postgres):
    postgres.start()
    left_behind = postgres.pid()

    again = Postgres.of(home, settings=FAST)
    again.start()

    assert again.pid() not in {None, left_behind}
    assert ask(again, "SELECT 1") == 1


def test_it_recovers_from_a_crash(postgres, eventually):
    postgres.start()
    crashed = postgres.pid()
    os.kill(crashed, signal.SIGKILL)
    eventually(lambda: postgres.pid() is None)

    postgres.start()

    assert ask(postgres, "SELECT 1") == 1


def test_data_of_another_major_version_is_refused_untouched(postgres):
    postgres.start()
    postgres.stop()
    version = postgres.data / "PG_VERSION"
    version.write_text("9\n")

    with pytest.raises(PostgresFailed, match="written by PostgreSQL 9"):
        postgres.start()


def test_a_long_home_gets_a_short_private_socket_folder(tmp_path):
    home = Home(tmp_path / ("long" * 40))

    assert len(os.fsencode(home.run / ".s.PGSQL.65535")) < 104
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700
    home.run.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_root_without_user_namespaces_runs_it_as_nobody_and_says_so(home):
    server = Postgres.of(home, run_as="nobody", settings=FAST)
    try:
        server.start()

        assert ask(server, "SELECT 1") == 1
        assert Path(f"/proc/{server.pid()}").stat().st_uid == 65534
        assert str(identity.SHARED_ROOT) in server.run_as.notice
    finally:
        server.stop()
        shutil.rmtree(server.data.parent)


def test_one_that_ended_and_cannot_start_is_tried_until_it_can(postgres):
    postgres.start()
    said: list[str] = []
    keeper = Keeper(postgres, said.append, retry_seconds=0)
    keeper()
    assert said == []  # it lives
    settings = postgres.data / "postgresql.conf"
    sound = settings.read_text()
    settings.write_text(sound + "\nno_such_setting = 1\n")
    os.kill(postgres.pid(), signal.SIGQUIT)
    while postgres.pid() is not None:
        pass

    keeper()
    assert "no_such_setting" in said[-1] and "tried again" in said[-1]
    settings.write_text(sound)
    keeper()

    assert ask(postgres, "SELECT 1") == 1
