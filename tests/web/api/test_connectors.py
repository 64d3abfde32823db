"""Connectors over the API."""

from __future__ import annotations

import pytest

from tests.web.api.support import Api, Rows

pytestmark = pytest.mark.django_db


def test_a_connector_says_what_its_actions_take_and_who_uses_them(api: Api, rows: Rows) -> None:
    rows.workflow()

    listed = api.get("/connectors", q="issue").json()["results"]
    core = api.get("/connectors/core").json()

    assert [entry["code"] for entry in listed] == ["github"]
    [log] = [action for action in core["actions"] if action["code"] == "log"]
    assert log["used_by"] == ["order-flow", "sample"]
    assert (log["denied_by"], log["effect"], log["inputs"][0]["is_required"]) == (None, "read", True)
    assert api.get("/connectors/fax").status_code == 404


def test_a_curl_command_becomes_a_step(api: Api) -> None:
    made = api.post("/connector-steps", {"curl": "curl https://api.acme.example -u ann:S3CRET"})
    wrong = api.post("/connector-steps", {"curl": "wget"})

    assert made.json()["secrets"] == ["ACME_PASSWORD"]
    assert "S3CRET" not in made.content.decode()
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")
