"""The list of workflows: filters, what each did in 24 hours, its switch, its CSV; tags, copies, trash and undo."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automate.ids import first_id_at, new_id
from automate.models import ExecutionRun, Halt, Workflow
from automate.services import create_workflow, publish_version, remove_workflow, set_tags
from automate_tenants import directory
from automate_tenants.context import tenant_scope
from automate_web import recent_runs
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

BY: dict[str, Any] = {"actor": "user:0", "now": timezone.now()}
LOG = {"id": "log", "connector": "core", "action": "log", "params": {"message": "hello"}}


def made(workspace: Workspace, slug: str, *, tags: tuple[str, ...] = (), is_live: bool = True, **changes: Any) -> Any:
    trigger = {"type": "event", "event_type": "order.created"}
    definition = {"slug": slug, "name": slug.title(), "trigger": trigger, "rule": None, "steps": [LOG], **changes}
    with tenant_scope(workspace.ref):
        workflow = create_workflow(definition=definition, actor=f"user:{workspace.owner.pk}", now=BY["now"])
        set_tags(workflow_id=workflow.pk, tags=tags, **BY)
        if is_live:
            publish_version(workflow_id=workflow.pk, expected_revision=1, **BY)
        return Workflow.objects.select_related("active_version").get(pk=workflow.pk)


def ran(workspace: Workspace, workflow: Workflow, status: str, *, hours_ago: float = 0.5, count: int = 1) -> None:
    at = timezone.now() - timedelta(hours=hours_ago)
    low = (1 << 80) - 1
    with tenant_scope(workspace.ref):
        ExecutionRun.objects.bulk_create(
            ExecutionRun(
                id=type(new_id())(int=first_id_at(at).int | new_id().int & low), event_id=uuid4(), status=status,
                workflow_id=workflow.pk, version=workflow.active_version, trace_id=uuid4(), created_at=at,
            )
            for _ in range(count)
        )  # fmt: skip


def shown(answer: Any) -> list[str]:
    return [row.workflow.slug for row in answer.context["rows"]]


def test_filters_stand_in_the_address_and_name_what_they_find(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    made(tenant_a, "orders", tags=("sales", "eu"))
    made(tenant_a, "invoices", tags=("sales",), is_live=False)
    made(tenant_a, "nightly", trigger={"type": "schedule", "cron": "0 3 * * *"})

    def found(**query: str) -> list[str]:
        return shown(browser.get("/workflows/", query))

    assert found() == ["nightly", "invoices", "orders", "sample"]
    assert found(tag="sales") == ["invoices", "orders"]
    assert found(tag="sales", status="live") == ["orders"]
    assert found(status="draft") == ["invoices"]
    assert found(type="schedule") == ["nightly"]
    assert found(q="INVO") == ["invoices"]
    assert found(q="eu") == ["orders"]
    page = browser.get("/workflows/", {"tag": "sales", "q": "nothing"})
    assert shown(page) == [] and "No workflow fits these filters" in page.text
    assert page.context["tags"] == ["eu", "sales"]
    assert browser.get("/workflows/?status=odd").status_code == 422
    assert browser.get("/workflows/?type=odd").status_code == 422


def test_beside_each_stands_what_it_did_in_24_hours(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), made(tenant_a, "orders")
    ran(tenant_a, workflow, "succeeded", count=7)
    ran(tenant_a, workflow, "failed", hours_ago=3.5)
    ran(tenant_a, workflow, "failed", hours_ago=30)  # too long ago
    ran(tenant_a, workflow, "waiting", hours_ago=0.2)
    with tenant_scope(tenant_a.ref):
        Halt.objects.create(id=workflow.pk, halted_at=timezone.now(), halted_by="user:1")

    page = browser.get("/workflows/")

    row = page.context["rows"][0]
    assert (row.recent.total, row.recent.succeeded, row.recent.failed, row.recent.percent) == (9, 7, 1, 87.5)
    assert (row.recent.hours[23], row.recent.hours[20], sum(row.recent.hours)) == (8, 1, 9)
    assert row.recent.latest.status == "waiting"
    assert row.is_halted and row.editor == "someone who has left"  # user:0 of this file published it
    assert "9 runs in 24 hours, 1 failed; most in one hour: 8, in the last hour" in page.text
    assert page.text.count("<rect") == 3  # two hours with runs, one with a failure


def test_counting_stops_where_it_would_cost_too_much(
    enter: Enter, tenant_a: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_runs, "COUNTED", 5)
    workflow = made(tenant_a, "orders")
    ran(tenant_a, workflow, "succeeded", count=9)

    page = enter(tenant_a).get("/workflows/")

    assert page.context["rows"][0].recent.total == 5
    assert "5+<" in page.text and "at least 5 runs" in page.text


def test_a_full_page_asks_the_database_as_often_as_one_workflow(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)

    def asked() -> int:
        directory.forget(tenant_a.ref.slug)  # nothing is remembered from the time before
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/workflows/").status_code == 200
        return len([query for query in captured if not query["sql"].startswith("SET search_path")])

    ran(tenant_a, made(tenant_a, "first", tags=("a",)), "succeeded")
    one = asked()
    with tenant_scope(tenant_a.ref):
        Workflow.objects.bulk_create(
            Workflow(slug=f"w{n}", name="W", draft={}, created_at=BY["now"], updated_at=BY["now"], updated_by="user:1")
            for n in range(60)
        )
    ran(tenant_a, made(tenant_a, "last", tags=("b",)), "succeeded")

    assert asked() == one <= 15
    assert len(browser.get("/workflows/").context["rows"]) == 50


def test_the_switch_answers_with_its_row_and_without_a_script_with_the_list(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), made(tenant_a, "orders")
    path, off = f"/workflows/{workflow.pk}/enabled/", {"is_enabled": "no", "list": "yes"}

    row = browser.post(path, off, headers={"HX-Request": "true"})
    plain = browser.post(path, {"is_enabled": "yes", "list": "yes"})

    assert 'aria-checked="false"' in row.text and "<html" not in row.text
    assert "stayed off" in row.text  # what is said should the next change not arrive
    assert plain.headers["Location"] == "/workflows/"
    assert 'role="switch"' not in enter(tenant_a, "operator").get("/workflows/").text


def test_the_csv_has_every_page_and_is_safe_for_spreadsheets(
    enter: Enter, tenant_a: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automate_web.pages.workflow_list.MAX_LIMIT", 2)
    workflow = made(tenant_a, "orders", tags=("eu", "sales"), name="=HYPERLINK(1)")
    ran(tenant_a, workflow, "failed")
    made(tenant_a, "later", is_live=False)

    answer = enter(tenant_a).get("/workflows.csv")

    lines = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [line["slug"] for line in lines] == ["later", "orders", "sample"]
    assert (lines[1]["name"], lines[1]["tags"], lines[1]["trigger"]) == (
        "'=HYPERLINK(1)",
        "eu, sales",
        "event order.created",
    )
    assert (lines[1]["runs_24h"], lines[1]["failed_24h"], lines[1]["success_percent"]) == ("1", "1", "0.0")
    assert lines[0]["state"] == "draft" and lines[0]["latest_run_at"] == ""


def test_turning_off_and_unpublishing_can_be_undone(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), made(tenant_a, "orders")
    path = f"/workflows/{workflow.pk}/"

    off = browser.post(f"{path}enabled/", {"is_enabled": "no"}, follow=True)
    assert off.context["undo"] == "disabled" and "turn it on again" in off.text
    browser.post(f"{path}enabled/", {"is_enabled": "yes"})
    assert "turn it on again" not in browser.get(f"{path}?undo=disabled").text  # already done

    gone = browser.post(f"{path}unpublished/", {"is_unpublished": "yes"}, follow=True)
    assert gone.context["workflow"].state == "draft"
    assert "make version 1 live again" in gone.text
    back = browser.post(f"{path}unpublished/", {"is_unpublished": "no", "version": "1"}, follow=True)
    assert back.context["workflow"].state == "live" and "Version 1 is live again" in back.text
    refused = browser.post(f"{path}unpublished/", {"is_unpublished": "no", "version": "7"}, follow=True)
    assert "This workflow has no such version" in refused.text


def test_deleting_says_what_stops_and_the_trash_gives_back(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), made(tenant_a, "orders")
    call = {"id": "call", "connector": "core", "action": "run_workflow", "params": {"workflow": "orders"}}
    made(tenant_a, "parent", trigger={"type": "manual"}, steps=[call])
    ran(tenant_a, workflow, "waiting")

    asked = browser.get(f"/workflows/{workflow.pk}/removed/")
    assert "Parent</a> runs it as a step" in asked.text and "1 of its runs" in asked.text
    gone = browser.post(f"/workflows/{workflow.pk}/removed/", {"is_removed": "yes"}, follow=True)
    assert "orders" not in shown(gone) and gone.context["trash_count"] == 1
    trash = browser.get("/workflows/trash/")
    assert "Orders" in trash.text and "in 29 d 23 h" in trash.text
    assert "Runs" in browser.get("/runs/?workflow=orders").text

    browser.post(f"/workflows/{workflow.pk}/removed/", {"is_removed": "no", "is_enabled": "no"})
    with tenant_scope(tenant_a.ref):
        assert Workflow.objects.get(pk=workflow.pk).state == "disabled"
    assert "The trash is empty" in browser.get("/workflows/trash/").text


def test_purging_asks_for_the_name(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), made(tenant_a, "orders")
    path = f"/workflows/{workflow.pk}/purges/"
    assert "It is not in the trash" in browser.get(path).text
    assert browser.post(path, {"name": "Orders"}).status_code == 409
    with tenant_scope(tenant_a.ref):
        remove_workflow(workflow_id=workflow.pk, **BY)

    assert "Type the name" in browser.get(path).text
    wrong = browser.post(path, {"name": "orders"})
    assert wrong.status_code == 422 and 'aria-invalid="true"' in wrong.text and 'value="orders"' in wrong.text
    done = browser.post(path, {"name": "Orders"}, follow=True)

    assert "is gone for good" in done.text
    assert browser.get(f"/workflows/{workflow.pk}/").status_code == 404


def test_tags_and_copies_from_the_page(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), made(tenant_a, "orders")

    saved = browser.post(f"/workflows/{workflow.pk}/tags/", {"tags": "Sales, eu"}, follow=True)
    refused = browser.post(f"/workflows/{workflow.pk}/tags/", {"tags": "<i>"}, follow=True)
    copy = browser.post(f"/workflows/{workflow.pk}/copies/", follow=True)

    assert saved.context["workflow"].tags == ["eu", "sales"]
    assert "The tags stayed as they were" in refused.text
    assert copy.context["workflow"].slug == "orders-copy" and "both start on the same events" in copy.text


def test_the_exported_draft_imports_as_unchanged(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), made(tenant_a, "orders")

    file = browser.get(f"/workflows/{workflow.pk}/draft.json")
    planned = browser.post("/workflows/imports/", {"text": file.text})

    assert json.loads(file.text)["slug"] == "orders"
    assert [one.word for one in planned.context["plan"]] == ["The same"]
    assert browser.get(f"/workflows/{workflow.pk}/draft.json").content == file.content
