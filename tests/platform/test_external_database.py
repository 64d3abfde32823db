"""`DATABASE_URL`: an empty database of somebody else's PostgreSQL, one plain role that owns it, nothing prepared."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.platform.test_up import _run_of, automate, post
from tests.support import server
from tests.support.waiting import Eventually

pytestmark = pytest.mark.processes

DATABASE = f"{server.DATABASE}_external"
ROLE = f"{DATABASE}_owner"


@pytest.fixture
def url(django_db_setup: None) -> Iterator[str]:
    """URL of an empty database as a role without any privilege but owning it."""
    database, role = sql.Identifier(DATABASE), sql.Identifier(ROLE)
    with server.admin() as connection:
        server.drop(connection, DATABASE)
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'a plain one'").format(role))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
    parts: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(server.postgres().superuser_url(DATABASE))
    yield f"postgresql://{ROLE}:a%20plain%20one@/{DATABASE}?host={parts['host']}&port={parts.get('port', 5432)}"
    with server.admin() as connection:
        server.drop(connection, DATABASE)
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_it_is_set_up_and_used_and_doctor_says_what_one_role_costs(
    url: str, tmp_path: Path, eventually: Eventually
) -> None:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("DJANGO_")}
    with (tmp_path / "up.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "automate_platform", "up", "--port", "0"],
            env={**inherited, **server.STATIC_FILES, "DJANGO_AUTOMATE_HOME": str(tmp_path), "DATABASE_URL": url}
            | {"DJANGO_AUTOMATE_OWNER_DATABASE_URL": ""},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        eventually(lambda: (tmp_path / "ready.json").exists() or process.poll() is not None, seconds=60)
        ready = json.loads((tmp_path / "ready.json").read_text())
        accepted = post(ready["webhook_url"], {"name": "Ada"}, ready["api_key"])[1]
        assert eventually(lambda: _run_of(ready, accepted["event_id"]))
        doctor = automate("doctor", "--json", home=tmp_path, DATABASE_URL=url)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0

    findings = json.loads(doctor.stdout)
    assert doctor.returncode == 0
    assert [f["state"] for f in findings if f["subject"] == "roles"]
    assert {f["state"] for f in findings if f["subject"] == "roles"} == {"warn"}
    assert not (tmp_path / "postgres").exists()  # the embedded one stayed out of it
