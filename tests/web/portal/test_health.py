"""`/healthz` and `/readyz` of the web process, whatever host a probe names."""

from __future__ import annotations

import pytest
from django.test import Client

from automate_tenants import template

PROBE = Client(headers={"host": "10.1.2.3:8001"})  # a container's address, which is no host of ours


def test_it_lives_without_a_database() -> None:
    answer = PROBE.get("/healthz")  # a database used here would be an error

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_it_is_ready_when_the_database_is_at_this_codes_version(monkeypatch) -> None:
    assert PROBE.get("/readyz").json() == {"status": "ready", "database": True, "schema": True}

    monkeypatch.setattr(template, "_own_version", lambda: "of a newer release")
    answer = PROBE.get("/readyz")

    assert (answer.status_code, answer.json()["schema"]) == (503, False)
