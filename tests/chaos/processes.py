"""The running product under the hand of a test: find a child of it, publish over its API, find a workspace's tables."""

from __future__ import annotations

import http.client
import json
import subprocess
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


class Running(Protocol):
    """What is used of a product."""

    process: subprocess.Popen[bytes]

    @property
    def base_url(self) -> str: ...

    def as_owner(self) -> psycopg.Connection[Any]: ...


def child_of(copy: Running, name: str) -> int | None:
    """Process id of the running child of `automate up` that was started as `automate <name>`."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if stat[0] != "Z" and int(stat[1]) == copy.process.pid and name.encode() in arguments:
            return int(entry.name)
    return None


def disable_sample(copy: Running) -> None:
    """The sample posts to the gateway's own echo, which some of the tests kill: its retries do not count."""
    with copy.as_owner() as connection:
        statement = "UPDATE {schema}.automate_workflow SET is_enabled = false, updated_at = now() WHERE is_sample"
        connection.execute(sql.SQL(statement).format(schema=schema_of(connection)))


def posting(slug: str, target: str, json_: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A workflow of one step: a POST of `json_` to /<slug> at the target, ten times if need be."""
    step = {
        "id": "send",
        "connector": "http",
        "action": "request",
        "params": {"method": "POST", "url": f"http://{target}/{slug}", "json": json_},
        "idempotent": True,
        "retry": {"attempts": 10, "base_seconds": 1, "factor": 1},
    }
    return {"slug": slug, "name": slug.title(), "rule": None, "steps": [step], **more}


def publish(copy: Running, api_key: str, definition: dict[str, Any]) -> None:
    """As the workspace of that key."""
    base = urlsplit(copy.base_url)
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json", "If-Match": '"1"'}
    for path, body in (("workflows", definition), (f"workflows/{definition['slug']}/versions", {})):
        connection = http.client.HTTPConnection(str(base.hostname), base.port, timeout=60)
        connection.request("POST", f"/api/v1/{path}", json.dumps(body), headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        assert response.status in {200, 201}, answer


def schema_of(connection: psycopg.Connection[Any], slug: str = "demo") -> sql.Identifier:
    """Where the tables of a workspace are."""
    found = "SELECT schema_name FROM public.automate_tenants_tenant WHERE slug = %s"
    row = connection.execute(found, [slug]).fetchone()
    assert row is not None
    return sql.Identifier(row[0])
