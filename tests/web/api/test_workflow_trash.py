"""Workflows over the API besides editing: filters, on and off, tags, copies, the trash, templates."""

from __future__ import annotations

from typing import Any

import pytest

from automate.models import AuditLogEntry, Workflow
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi
from tests.web.api.support import DEFINITION, Api, Rows

pytestmark = pytest.mark.django_db


def slugs(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["slug"] for one in answer.json()["results"]]


def change(api: Api, body: dict[str, Any], workflow: str = "order-flow") -> Any:
    return api.send("PATCH", f"/workflows/{workflow}", body, {})


def test_the_list_filters_and_tells_what_each_did(api: Api, rows: Rows) -> None:
    workflow = rows.workflow()
    rows.run(rows.event(), workflow, status="failed")
    api.post("/workflows", {**DEFINITION, "slug": "drafted"})
    assert change(api, {"tags": ["Sales"]}).json()["tags"] == ["sales"]

    assert slugs(api.get("/workflows", tag="sales")) == ["order-flow"]
    assert slugs(api.get("/workflows", status="draft")) == ["drafted"]
    assert slugs(api.get("/workflows", q="DRAFT")) == ["drafted"]
    plain, expanded = api.get("/workflows", q="order-flow"), api.get("/workflows", q="order-flow", expand="recent")
    assert plain.json()["results"][0]["recent"] is None
    assert expanded.json()["results"][0]["recent"]["latest"]["status"] == "failed"
    assert api.get("/workflows", status="odd").json()["details"]["param"] == "status"


def test_on_off_and_back_to_a_draft_all_or_nothing(api: Api, rows: Rows, make_api: MakeApi) -> None:
    rows.workflow()

    assert change(api, {"is_enabled": False}).json()["state"] == "disabled"
    assert change(api, {"is_enabled": True, "live_version": None}).json()["state"] == "draft"
    refused = change(api, {"tags": ["kept-out"], "live_version": 9})
    assert (refused.status_code, api.get("/workflows/order-flow").json()["tags"]) == (404, [])
    assert change(api, {"live_version": 1}).json()["active_version"]["version_num"] == 1

    writer = make_api("workflows:write", "workflows:read")
    assert change(writer, {"tags": ["mine"]}).status_code == 200
    assert change(writer, {"is_enabled": False}).json()["details"]["needed"] == "workflows:publish"


def test_deleted_it_is_in_the_trash_and_comes_back_off(api: Api, rows: Rows, make_api: MakeApi) -> None:
    workflow = rows.workflow()
    stops = api.get("/workflows/order-flow/dependents").json()
    assert stops["callers"] == [] and stops["unfinished_runs"] == 0

    gone = api.send("DELETE", "/workflows/order-flow", None, {})

    assert gone.json()["removed_at"] < gone.json()["purged_after"]
    assert api.get("/workflows/order-flow").status_code == 404
    assert slugs(api.get("/workflow-trash")) == ["order-flow"]
    path = f"/workflow-trash/{workflow.pk}/restorations"
    assert make_api("workflows:write").post(path, {"is_enabled": True}).status_code == 403
    assert api.post(path, {}).json()["state"] == "disabled"
    assert api.post(path, {}).status_code == 404
    assert slugs(api.get("/workflow-trash")) == []


def test_purging_needs_the_name_and_an_unchanged_etag_deletes(api: Api, rows: Rows) -> None:
    workflow = rows.workflow()
    stale = api.get("/workflows/order-flow")["ETag"]
    change(api, {"tags": ["new"]})
    assert api.send("DELETE", "/workflows/order-flow", None, {"If-Match": stale}).status_code == 409
    api.send("DELETE", "/workflows/order-flow", None, {})

    wrong = api.post(f"/workflow-trash/{workflow.pk}/purges", {"name": "something else"})
    done = api.post(f"/workflow-trash/{workflow.pk}/purges", {"name": workflow.name})

    assert (wrong.status_code, wrong.json()["details"]["param"]) == (422, "name")
    assert done.json() == {"id": str(workflow.pk), "purged": True}
    assert api.post("/workflows", DEFINITION).status_code == 201  # its slug is free


def test_a_copy_has_the_names_that_were_asked_for(api: Api, rows: Rows) -> None:
    rows.workflow()

    named = api.post("/workflows/order-flow/copies", {"slug": "eu", "name": "EU"})
    taken = api.post("/workflows/order-flow/copies", {"slug": "eu"})

    assert (named.status_code, named.json()["slug"], named.json()["state"]) == (201, "eu", "draft")
    assert api.get("/workflows/eu").json()["draft"]["rule"] == DEFINITION["rule"]
    assert taken.status_code == 409
    assert api.post("/workflows/order-flow/copies", {"slug": "Not one"}).status_code == 422


def test_templates_are_listed_shown_and_made_into_drafts(api: Api, tenant_a: Workspace, make_api: MakeApi) -> None:
    listed = api.get("/workflow-templates", category="Payments").json()["results"]
    shown = api.get(f"/workflow-templates/{listed[0]['slug']}").json()
    made = api.post(f"/workflow-templates/{listed[0]['slug']}/workflows", {})

    assert [one["slug"] for one in listed] == ["payment-failed-reminder", "refund-approval"]
    assert {secret["name"] for secret in shown["secrets"]} == {"STRIPE_KEY", "SMTP_PASSWORD"}
    assert made.json()["draft"] == shown["definition"]
    assert (
        api.post("/workflow-dry-runs", {"definition": shown["definition"], "payload": shown["sample"]}).json()["status"]
        == "succeeded"
    )
    assert api.get("/workflow-templates/none").status_code == 404
    refused = make_api("workflows:write").post(f"/workflow-templates/{listed[0]['slug']}/workflows", {})
    assert refused.status_code == 403  # may not use secrets
    with tenant_scope(tenant_a.ref):
        assert Workflow.objects.filter(slug__startswith="payment").count() == 1
        assert AuditLogEntry.objects.filter(action="workflow.create").count() >= 1
