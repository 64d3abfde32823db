"""One installation: its secrets, its database with two roles, and what each process is told through the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from automate_platform import environment as env
from automate_platform.embedded import Postgres
from automate_platform.home import Home, write_private
from automate_tenants import roles

DATABASE = "automate"
SAMPLE_EVENT: dict[str, Any] = {"name": "Ada", "order": {"id": "A-1001", "total": 120, "currency": "EUR"}}


def make_secrets(home: Home) -> None:
    """Random, mode 0600, made once: Django's signing key, and that of live-stream tokens."""
    for name in ("django", "live"):
        home.secret(name)


def prepare_database(postgres: Postgres, home: Home, name: str = DATABASE) -> None:
    """Both roles and an empty database on our own server, and their URLs in `home.secrets`. Repeatable."""
    passwords = {role: home.secret(f"role-{role}") for role in (roles.OWNER, roles.APP)}
    with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
        roles.create_roles(connection, owner_password=passwords[roles.OWNER], app_password=passwords[roles.APP])
        roles.create_database(connection, name)
    with psycopg.connect(postgres.superuser_url(name), autocommit=True) as connection:
        roles.prepare_database(connection)
    for file, role in (("owner-database-url", roles.OWNER), ("database-url", roles.APP)):
        write_private(home.secrets / file, postgres.url(user=role, password=passwords[role], database=name))


def child_environment(home: Home, port: int) -> dict[str, str]:
    """What the processes of `up` are told. What a person has set stays."""
    base_url = env.text("DJANGO_AUTOMATE_BASE_URL") or f"http://127.0.0.1:{port}"
    targets = {*env.text("DJANGO_AUTOMATE_PRIVATE_TARGETS").split(","), f"127.0.0.1:{port}"} - {""}
    return {
        env.HOME_VARIABLE: str(home.root),
        "PORT": str(port),
        "DJANGO_AUTOMATE_BASE_URL": base_url,
        "DJANGO_AUTOMATE_PRIVATE_TARGETS": ",".join(sorted(targets)),  # our own echo endpoint
        "PYTHONUNBUFFERED": "1",
    }


def worker_mark(home: Home) -> Path:
    """Made by the worker when it has begun to look for work."""
    return home.run / "worker.ready"
