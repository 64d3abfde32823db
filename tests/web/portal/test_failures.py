"""Failures in the portal: grouped, counted, redriven with a preview, dismissed and put back."""

from __future__ import annotations

import pytest
from django.utils import timezone

from automate.ids import fingerprint
from automate.models import AuditLogEntry, Event, ExecutionRun, FailureMark, OutboxJob
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, make_runs
from tests.web.portal.test_lists import queries

pytestmark = pytest.mark.django_db
CLOSED = {"code": "closed", "message": "The shop is closed.", "details": {}, "step": "shape"}
BROKEN = {"code": "broken", "message": "It broke.", "details": {}, "step": "echo"}


@pytest.fixture
def failures(tenant_a: Workspace) -> Workspace:
    """Two runs that failed alike, one that failed otherwise."""
    make_runs(tenant_a, 3)
    with tenant_scope(tenant_a.ref):
        runs = list(ExecutionRun.objects.order_by("id").values_list("id", flat=True))
        for run, error in zip(runs, (CLOSED, CLOSED, BROKEN), strict=True):
            ExecutionRun.objects.filter(pk=run).update(error=error, error_fingerprint=fingerprint(error))
    return tenant_a


def group(error: dict[str, object]) -> dict[str, str]:
    return {"workflow": "sample", "fingerprint": fingerprint(error)}


def test_they_are_grouped_and_counted_in_the_navigation(failures: Workspace, enter: Enter) -> None:
    page = enter(failures, "viewer").get("/failures/").content.decode()

    assert '<b class="count">3' in page
    assert page.index("The shop is closed.") < page.index("It broke.")  # the larger group first
    assert fingerprint(CLOSED) in page


def test_a_group_shows_its_runs_and_what_a_role_may_do(failures: Workspace, enter: Enter) -> None:
    operator = enter(failures, "operator").get("/failures/runs/", group(CLOSED)).content.decode()
    viewer = enter(failures, "viewer").get("/failures/runs/", group(CLOSED)).content.decode()

    assert "Redrive 2" in operator and "Dismiss 2" in operator
    assert operator.count('class="row"') == 2
    assert "Redrive 2" not in viewer and "needs the role" in viewer


def test_a_group_is_redriven_after_a_preview(failures: Workspace, enter: Enter) -> None:
    browser = enter(failures, "operator")

    told = browser.get("/failures/redrives/", group(CLOSED)).content.decode()
    page = browser.post("/failures/redrives/", {**group(CLOSED), "rate": "1"}, follow=True).content.decode()

    assert "Redrive 2 runs" in told and "Effects that repeat" in told
    assert "2 runs started again." in page
    assert "The shop is closed." not in page and "It broke." in page
    with tenant_scope(failures.ref):
        assert ExecutionRun.objects.filter(origin="redrive").count() == 2


@pytest.mark.parametrize("rate", ["fast", "0", "-1", "nan"])
def test_a_rate_that_is_none_starts_nothing(failures: Workspace, enter: Enter, rate: str) -> None:
    answer = enter(failures).post("/failures/redrives/", {**group(CLOSED), "rate": rate})

    assert answer.status_code == 422
    with tenant_scope(failures.ref):
        assert not ExecutionRun.objects.filter(origin="redrive").exists()


def test_dismissing_can_be_undone(failures: Workspace, enter: Enter) -> None:
    browser = enter(failures, "operator")

    gone = browser.post("/failures/dismissals/", group(CLOSED), follow=True).content.decode()
    assert "2 failures dismissed" in gone and "The shop is closed." in gone  # among the dismissed
    assert "The shop is closed." not in browser.get("/failures/").content.decode()
    back = browser.post("/failures/dismissals/", {**group(CLOSED), "undo": "yes"}, follow=True).content.decode()
    assert "2 failures back in the list" in back and "The shop is closed." in back


def test_a_held_run_leads_to_the_question(failures: Workspace, enter: Enter) -> None:
    with tenant_scope(failures.ref):
        run = ExecutionRun.objects.filter(error__code="broken").get()
        ExecutionRun.objects.filter(pk=run.pk).update(status="held")

    page = enter(failures).get("/failures/").content.decode()

    assert "Waiting for your word" in page
    assert f"/runs/{run.pk}/settlements/" in page


def test_a_dead_event_is_matched_again(tenant_a: Workspace, enter: Enter) -> None:
    make_runs(tenant_a, 1)
    with tenant_scope(tenant_a.ref):
        event = Event.objects.get()
        OutboxJob.objects.create(
            kind="event", event_id=event.pk, status="DEAD", attempts=5, available_at=timezone.now()
        )
    browser = enter(tenant_a, "operator")

    assert "could not be matched" in browser.get("/failures/").content.decode()
    page = browser.post("/failures/events/", {"event": str(event.pk)}, follow=True).content.decode()

    assert "1 event matched again." in page
    with tenant_scope(tenant_a.ref):
        assert OutboxJob.objects.get(event_id=event.pk).status == "PENDING"


def test_the_list_takes_the_same_number_of_queries_however_long_it_is(failures: Workspace, enter: Enter) -> None:
    browser = enter(failures)
    few = queries(browser, "/failures/")
    make_runs(failures, 10)
    with tenant_scope(failures.ref):
        for number, run in enumerate(ExecutionRun.objects.filter(error_fingerprint="")):
            ExecutionRun.objects.filter(pk=run.pk).update(error=CLOSED, error_fingerprint=f"{number:032}")

    assert queries(browser, "/failures/") == few <= 15
    assert browser.get("/failures/").content.count(b'class="row"') == 12


def test_a_muted_kind_leaves_the_list_and_its_count_until_its_time_is_over(failures: Workspace, enter: Enter) -> None:
    browser = enter(failures, "operator")

    muted = browser.post("/failures/marks/", {**group(CLOSED), "mute": "24"})

    assert muted.status_code == 302
    page = browser.get("/failures/").content.decode()
    assert "The shop is closed." not in page
    assert '<b class="count">1' in page
    assert "The shop is closed." in browser.get("/failures/?status=muted").content.decode()
    assert "Muted until" in browser.get(muted["Location"]).content.decode()
    with tenant_scope(failures.ref):
        FailureMark.objects.update(muted_until=timezone.now())
    assert "The shop is closed." in browser.get("/failures/").content.decode()
    browser.post("/failures/marks/", {**group(CLOSED), "mute": "1"})
    browser.post("/failures/marks/", {**group(CLOSED), "mute": "0"})
    assert "The shop is closed." in browser.get("/failures/").content.decode()
    assert browser.post("/failures/marks/", {**group(CLOSED), "mute": "5"}).status_code == 422


def test_a_kind_of_failure_has_an_owner(failures: Workspace, enter: Enter) -> None:
    browser = enter(failures, "operator")
    owner = {"owner": f"user:{failures.owner.pk}"}

    browser.post("/failures/marks/", {**group(CLOSED), **owner})

    assert failures.owner.email in browser.get("/failures/").content.decode()
    assert browser.post("/failures/marks/", {**group(CLOSED), "owner": "user:999999"}).status_code == 422
    assert browser.post("/failures/marks/", {"workflow": "sample", "fingerprint": "none", **owner}).status_code == 404
    browser.post("/failures/marks/", {**group(CLOSED), "owner": ""})
    assert failures.owner.email not in browser.get("/failures/").content.decode()
    with tenant_scope(failures.ref):
        told = AuditLogEntry.objects.filter(action="failure.assign").order_by("id").values_list("details", flat=True)
        kind = {"fingerprint": fingerprint(CLOSED)}
        assert list(told) == [{**kind, **owner}, {**kind, "owner": ""}]


def test_filters_that_mean_nothing_are_refused_and_an_empty_list_teaches(tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a)

    assert "Nothing has failed" in browser.get("/failures/").content.decode()
    assert browser.get("/failures/", {"status": "sad"}).status_code == 422
    assert "Clear all" in browser.get("/failures/", {"workflow": "nobody"}).content.decode()


def test_a_viewer_changes_nothing_and_a_neighbour_sees_nothing(
    failures: Workspace, tenant_b: Workspace, enter: Enter
) -> None:
    viewer, neighbour = enter(failures, "viewer"), enter(tenant_b)

    for path in ("/failures/redrives/", "/failures/dismissals/", "/failures/events/", "/failures/marks/"):
        assert viewer.post(path, group(CLOSED)).status_code == 403
        neighbour.post(path, group(CLOSED))
    assert "The shop is closed." not in neighbour.get("/failures/runs/", group(CLOSED)).content.decode()
    assert "The shop is closed." in viewer.get("/failures/").content.decode()
