"""Versions for a program: read, compared, taken as files, gone back to; and definitions imported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automate.models import AuditLogEntry, WorkflowVersion
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi
from tests.web.api.support import DEFINITION, Api
from tests.web.api.test_workflows import definition, publish

pytestmark = pytest.mark.django_db
FLOW = "/workflows/order-flow"


@pytest.fixture
def three(api: Api) -> Api:
    """Versions 1 to 3; 3 has another rule and a deadline, and runs."""
    api.post("/workflows", definition())
    publish(api, "order-flow", 1)
    for revision, changes in ((2, {"rule": None}), (3, {"rule": {"var": "payload.id"}, "deadline_seconds": 60})):
        api.send("PUT", FLOW, definition(**changes), {"If-Match": f'"{revision - 1}"'})
        assert publish(api, "order-flow", revision).status_code == 201
    return api


def test_a_version_is_read_by_its_number_or_as_the_live_one(three: Api) -> None:
    one, live = three.get(f"{FLOW}/versions/1").json(), three.get(f"{FLOW}/versions/live").json()

    assert (one["version_num"], one["rule"], one["options"]) == (1, DEFINITION["rule"], {})
    assert (live["version_num"], live["options"]) == (3, {"deadline_seconds": 60})
    assert three.get(f"{FLOW}/versions/4").json()["code"] == "resource_not_found"
    assert three.get(f"{FLOW}/versions/newest").status_code == 422


def test_two_versions_are_compared_part_by_part(three: Api) -> None:
    latest = three.get(f"{FLOW}/versions/diff").json()
    back = three.get(f"{FLOW}/versions/diff", **{"from": "live", "to": 1}).json()

    assert (latest["from"], latest["to"]) == (2, 3)
    assert [change["path"] for change in latest["options"]] == ["/deadline_seconds"]
    assert (back["from"], back["to"]) == (3, 1)
    assert [(change["kind"], change["path"]) for change in back["options"]] == [("removed", "/deadline_seconds")]
    added, removed = back["rule"]
    assert (added["kind"], added["path"], removed["kind"], removed["path"]) == (
        "added",
        "/rule/>",
        "removed",
        "/rule/var",
    )
    assert added["after"] == DEFINITION["rule"][">"]
    assert three.get(f"{FLOW}/versions/diff", to=9).status_code == 404


def test_going_back_makes_a_new_version_only_while_the_one_seen_runs(three: Api, tenant_a: Workspace) -> None:
    asked = {"version_num": 1, "expected_version_num": 2, "note": "Too many orders"}
    stale = three.post(f"{FLOW}/rollbacks", asked)
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")

    made = three.post(f"{FLOW}/rollbacks", {**asked, "expected_version_num": 3})

    assert (made.status_code, made.json()["version_num"], made.json()["note"]) == (201, 4, "Too many orders")
    assert (made.json()["rule"], made.json()["options"]) == (DEFINITION["rule"], {})
    again = three.post(f"{FLOW}/rollbacks", {**asked, "expected_version_num": 4})
    assert (again.status_code, again.json()["version_num"]) == (200, 4)
    with tenant_scope(tenant_a.ref):
        (entry,) = AuditLogEntry.objects.filter(action="workflow.rollback")
        assert entry.details == {"version": 4, "back_to": 1, "note": "Too many orders"}


def test_going_back_needs_the_scope_to_publish(three: Api, make_api: MakeApi) -> None:
    asked = {"version_num": 1, "expected_version_num": 3}

    refused = make_api("workflows:read", "workflows:write").post(f"{FLOW}/rollbacks", asked)

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden_scope")


def test_an_exported_version_is_imported_without_a_change(three: Api) -> None:
    exported = three.get(f"{FLOW}/versions/live/definition")
    assert exported["Content-Disposition"] == 'attachment; filename="order-flow.json"'

    same = three.post("/workflow-imports", {"definitions": [json.loads(exported.content)]})
    copy = json.loads(exported.content.replace(b'"order-flow"', b'"copied-flow"', 1))
    made = three.post("/workflow-imports", {"definitions": [copy]}).json()["results"]

    assert [(one["outcome"], one["version_num"]) for one in same.json()["results"]] == [("unchanged", 3)]
    assert (made[0]["outcome"], made[0]["version_num"], made[0]["changes"]) == ("created", 1, None)
    second = three.get("/workflows/copied-flow/versions/1/definition").content
    assert second.replace(b'"copied-flow"', b'"order-flow"', 1) == exported.content


def test_an_import_can_be_looked_at_first_and_is_made_on_what_was_seen(three: Api, tenant_a: Workspace) -> None:
    asked = {"definitions": [definition(rule={"var": "payload.total"}), definition(slug="new-flow")]}
    told = three.post("/workflow-imports", {**asked, "dry_run": True}).json()["results"]
    assert [one["outcome"] for one in told] == ["updated", "created"]
    assert [change["path"] for change in told[0]["changes"]["options"]] == ["/deadline_seconds"]
    with tenant_scope(tenant_a.ref):
        assert WorkflowVersion.objects.filter(workflow__slug__in=("order-flow", "new-flow")).count() == 3
    expected = {one["slug"]: one["state"] for one in told}

    stale = three.post("/workflow-imports", {**asked, "expected": {**expected, "order-flow": "1.1"}})
    done = three.post("/workflow-imports", {**asked, "expected": expected})

    assert stale.status_code == 409
    assert [one["version_num"] for one in done.json()["results"]] == [4, 1]


def test_one_bad_definition_keeps_all_out(api: Api) -> None:
    refused = api.post("/workflow-imports", {"definitions": [definition(), definition(slug="b", steps=[]), 5]})

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_import")
    sources = {error["source"] for error in refused.json()["details"]["errors"]}
    assert sources == {"definitions/1", "definitions/2"}
    assert api.get("/workflows/order-flow").status_code == 404


def test_an_import_that_publishes_needs_the_scope_to_publish(make_api: MakeApi) -> None:
    key, asked = make_api("workflows:write", "workflows:read"), {"definitions": [definition()]}

    assert key.post("/workflow-imports", asked).json()["details"]["needed"] == "workflows:publish"
    made = key.post("/workflow-imports", {**asked, "publish": False})
    assert made.json()["results"][0]["version_num"] is None


@pytest.mark.parametrize("body", [{}, {"definitions": []}, {"definitions": 1}, {"definitions": [{}], "force": True}])
def test_a_body_that_is_no_import_is_refused(api: Api, body: Any) -> None:
    assert api.post("/workflow-imports", body).json()["code"] == "invalid"
