"""Workflows: made, changed and published by a program, never over someone else's change."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from django.utils import timezone

from automate.models import AuditLogEntry, WorkflowVersion
from automate.services import secrets as secret_services
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.support import DEFINITION, Api, Rows

pytestmark = pytest.mark.django_db


def definition(**changes: Any) -> dict[str, Any]:
    return {**deepcopy(DEFINITION), **changes}


def publish(api: Api, slug: str, revision: int | str, note: str = "") -> Any:
    return api.post(f"/workflows/{slug}/versions", {"note": note}, {"If-Match": f'"{revision}"'})


def test_a_workflow_is_made_changed_and_published(api: Api, tenant_a: Workspace) -> None:
    made = api.post("/workflows", definition())
    assert made.status_code == 201, made.content
    assert (made.json()["state"], made.json()["draft_revision"]) == ("draft", 1)

    changed = api.send("PUT", "/workflows/order-flow", definition(name="Large orders"), {"If-Match": made["ETag"]})
    assert changed.status_code == 200, changed.content
    assert (changed.json()["name"], changed.json()["draft_revision"]) == ("Large orders", 2)

    published = publish(api, "order-flow", 2, note="first")
    assert published.status_code == 201, published.content
    assert (published.json()["version_num"], published.json()["note"]) == (1, "first")
    assert published.json()["trigger"] == definition()["trigger"]

    shown = api.get(f"/workflows/{made.json()['id']}").json()
    assert (shown["state"], shown["active_version"]["id"]) == ("live", published.json()["id"])
    assert shown["draft"]["name"] == "Large orders"
    with tenant_scope(tenant_a.ref):
        actors = set(AuditLogEntry.objects.filter(resource__contains=made.json()["id"]).values_list("actor", flat=True))
    assert {actor.partition(":")[0] for actor in actors} == {"key"}


def test_the_location_of_a_new_workflow_leads_to_it(api: Api) -> None:
    made = api.post("/workflows", definition())

    assert api.client.get(made["Location"], headers=api.headers).json()["id"] == made.json()["id"]


def test_a_second_workflow_of_the_same_slug_is_a_conflict(api: Api) -> None:
    api.post("/workflows", definition())

    again = api.post("/workflows", definition())

    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_a_save_on_an_older_revision_changes_nothing(api: Api, tenant_a: Workspace) -> None:
    api.post("/workflows", definition())
    api.send("PUT", "/workflows/order-flow", definition(name="Mine"), {"If-Match": '"1"'})

    stale = api.send("PUT", "/workflows/order-flow", definition(name="Yours"), {"If-Match": '"1"'})

    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    assert api.get("/workflows/order-flow").json()["draft"]["name"] == "Mine"


def test_a_publish_on_an_older_revision_changes_nothing(api: Api, tenant_a: Workspace) -> None:
    api.post("/workflows", definition())
    api.send("PUT", "/workflows/order-flow", definition(name="Newer"), {"If-Match": '"1"'})

    stale = publish(api, "order-flow", 1)

    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    with tenant_scope(tenant_a.ref):
        assert not WorkflowVersion.objects.filter(workflow__slug="order-flow").exists()


@pytest.mark.parametrize(
    ("value", "status"),
    [(None, 428), ("", 428), ("nonsense", 422), ('"1', 200), ("1", 200), ("*", 200), ("9" * 30, 422), ("-1", 422)],
)
def test_a_write_says_which_revision_it_saw(api: Api, value: str | None, status: int) -> None:
    api.post("/workflows", definition())

    answer = api.send("PUT", "/workflows/order-flow", definition(), {} if value is None else {"If-Match": value})

    assert answer.status_code == status, answer.content


def test_a_draft_with_problems_is_not_published_and_each_is_named(api: Api) -> None:
    steps = [
        {"id": "a", "connector": "no-such", "action": "x", "params": {}},
        {"id": "a", "connector": "core", "action": "log"},
    ]
    body = definition(rule={"no_such_operator": [1]}, steps=steps)
    made = api.post("/workflows", body)
    answer = publish(api, "order-flow", 1) if made.status_code == 201 else made

    assert answer.status_code == 422, answer.content
    paths = {error["path"] for error in answer.json()["details"]["errors"]}
    assert any(path.startswith("/rule") for path in paths)
    assert any(path.startswith("/steps") for path in paths)


def test_a_definition_is_checked_without_storing_it(api: Api, tenant_a: Workspace) -> None:
    good = api.post("/workflow-validations", definition())
    bad = api.post("/workflow-validations", definition(steps=[]))

    assert good.json() == {"valid": True, "problems": []}
    assert bad.json()["valid"] is False
    assert bad.json()["problems"][0]["path"].startswith("/steps")
    assert set(bad.json()["problems"][0]) == {"path", "code", "message", "severity"}
    assert api.get("/workflows/order-flow").status_code == 404


def test_a_warning_is_told_and_keeps_nothing_from_being_published(api: Api) -> None:
    doubtful = definition(rule={">": [{"var": "payload.amount"}, "100"]})

    checked = api.post("/workflow-validations", doubtful)
    api.post("/workflows", doubtful)

    assert checked.json()["valid"] is True
    assert [(p["code"], p["severity"]) for p in checked.json()["problems"]] == [("text_for_number", "warning")]
    assert publish(api, "order-flow", 1).status_code == 201


def test_a_secret_that_is_not_there_yet_is_told_where_it_is_referred_to(api: Api, tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        secret_services.create_secret(name="HERE", value="a value", actor="user:1", now=timezone.now())
    params = {"message": {"$secret": "HERE"}, "fields": {"a/b": ["$secret:GONE"]}}
    steps = [{"id": "say", "connector": "core", "action": "log", "params": params}]

    problems = api.post("/workflow-validations", definition(steps=steps)).json()["problems"]

    missing = [(p["path"], p["severity"]) for p in problems if p["code"] == "secret_missing"]
    assert missing == [("/steps/0/params/fields/a~1b/0", "warning")]


@pytest.mark.parametrize(
    "body", [[], "text", 7, None, {"slug": 7}, {"slug": "../../x"}, {"steps": "x"}, {"trigger": []}, {"rule": [[[]]]}]
)
def test_a_definition_of_any_shape_is_never_an_error_of_ours(api: Api, body: Any) -> None:
    for answer in (api.post("/workflows", body), api.post("/workflow-validations", body)):
        assert answer.status_code in {200, 400, 422}, answer.content


def test_an_unchanged_workflow_is_304_and_a_published_one_is_not(api: Api) -> None:
    made = api.post("/workflows", definition())

    same = api.get("/workflows/order-flow", headers={"If-None-Match": made["ETag"]})
    assert publish(api, "order-flow", 1).status_code == 201
    changed = api.get("/workflows/order-flow", headers={"If-None-Match": made["ETag"]})

    assert (same.status_code, same.content, same["ETag"]) == (304, b"", made["ETag"])
    assert (changed.status_code, changed.json()["state"]) == (200, "live")


def test_publishing_what_is_live_already_makes_no_version(api: Api) -> None:
    api.post("/workflows", definition())

    first, second = publish(api, "order-flow", 1), publish(api, "order-flow", 1)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


def test_versions_are_listed_newest_first(api: Api) -> None:
    etag = api.post("/workflows", definition())["ETag"]
    for total in (1, 2, 3):
        changed = definition(rule={">": [{"var": "payload.total"}, total]})
        etag = api.send("PUT", "/workflows/order-flow", changed, {"If-Match": etag})["ETag"]
        published = api.post("/workflows/order-flow/versions", {}, {"If-Match": etag})
        assert published.status_code == 201, published.content

    listed = api.get("/workflows/order-flow/versions").json()["results"]

    assert [version["version_num"] for version in listed] == [3, 2, 1]


def test_a_list_of_workflows_has_no_drafts(api: Api, rows: Rows) -> None:
    rows.workflow()

    (listed,) = [w for w in api.get("/workflows").json()["results"] if w["slug"] == "order-flow"]

    assert "draft" not in listed
    assert listed["state"] == "live"
