"""What every page shares: headers, errors with a trace id, themes, documents, the live stream's address."""

from __future__ import annotations

import gzip
import re
from datetime import timedelta
from urllib.parse import urljoin
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from automate.models import Event, ExecutionRun, OutboxJob
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.models import RefusalSample
from automate_tenants.onboarding import resume, suspend
from automate_web.gateway import live_token
from automate_web.pages import docs
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, make_runs


def test_every_page_forbids_foreign_and_inline_scripts(enter: Enter, app: Client, tenant_a: Workspace) -> None:
    for answer in (app.get("/login/"), app.get("/nothing/"), enter(tenant_a).get("/start/")):
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy and "style-src 'self';" in policy and "default-src 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(rb"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", answer.content)


def test_an_error_says_what_to_do_and_carries_the_trace_id(app: Client) -> None:
    answer = app.get("/nothing/", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})

    assert answer.status_code == 404
    assert ("ab" * 16).encode() in answer.content
    assert b"Go to the start page" in answer.content


@pytest.mark.parametrize("path", ["/start/github/", "/start/events/"])
def test_what_a_button_sends_to_opened_by_hand_says_so_and_what_to_do(
    enter: Enter, tenant_a: Workspace, path: str
) -> None:
    answer = enter(tenant_a).get(path)

    page = answer.content.decode()
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "method_not_allowed" in page and "Nothing was changed" in page
    assert 'href=".."' in page and "Trace id" in page


def test_an_unforeseen_error_has_a_page_of_its_own(
    enter: Enter, tenant_a: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("detail that nobody should see")

    browser = enter(tenant_a)
    monkeypatch.setattr("automate_web.pages.runs.paginate", breaks)
    browser.raise_request_exception = False
    answer = browser.get("/runs/")

    assert answer.status_code == 500
    assert b"Our mistake" in answer.content
    assert answer.headers["X-Trace-Id"].encode() in answer.content
    assert b"detail that nobody" not in answer.content


def test_a_form_from_elsewhere_is_refused_with_a_page(tenant_a: Workspace) -> None:
    answer = Client(enforce_csrf_checks=True, headers={"host": "app.localhost"}).post("/login/", {"login": "x"})

    assert answer.status_code == 403
    assert b"This form was open too long" in answer.content


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_is_kept_by_the_browser(app: Client, theme: str) -> None:
    app.post("/theme/", {"theme": theme, "next": "/login/"})

    assert f'data-theme="{theme}"'.encode() in app.get("/login/").content
    app.post("/theme/", {"theme": "system", "next": "/login/"})
    assert b"data-theme" not in app.get("/login/").content


def test_the_live_token_is_for_this_workspace_and_for_five_minutes(enter: Enter, tenant_a: Workspace) -> None:
    url = enter(tenant_a).get("/live-token/").json()["url"]

    token = url.removeprefix("/live/?token=")
    grant = live_token.verify(settings.LIVE_SECRET, token, now=timezone.now())
    assert grant and grant.tenant_id == tenant_a.ref.id
    assert live_token.verify(settings.LIVE_SECRET, token, now=timezone.now() + timedelta(minutes=6)) is None


def test_a_refusal_on_the_start_page_names_the_fix_and_stays_in_its_workspace(
    enter: Enter, tenant_a: Workspace, tenant_b: Workspace
) -> None:
    RefusalSample.objects.create(
        tenant_id=tenant_a.ref.id, endpoint_id=uuid4(), code="invalid_signature", message="No signature matched.",
        trace_id=uuid4(), received_at=timezone.now(),
    )  # fmt: skip

    mine, theirs = enter(tenant_a), enter(tenant_b)
    assert b"sign the exact bytes" in mine.get("/start/").content
    assert b"No signature matched." in mine.get("/events/?status=rejected").content
    assert b"invalid_signature" not in theirs.get("/start/").content
    assert b"No signature matched." not in theirs.get("/events/?status=rejected").content


def test_a_run_opens_at_the_failed_step_with_its_attempts_as_bars(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    event = make_runs(tenant_a, 1)[0]
    with tenant_scope(tenant_a.ref):
        run = ExecutionRun.objects.get(event_id=event.pk)

    answer = browser.get(f"/runs/{run.pk}/")
    fragment = browser.get(f"/runs/{run.pk}/?step=shape&tab=attempts", headers={"HX-Request": "true"})

    assert b"It broke. (boom)" in answer.content
    [shape] = [lane for lane in answer.context["lanes"] if lane.name == "shape"]
    assert [bar.kind for bar in shape.bars] == ["bad", "wait", "bad"]
    assert [lane.status for lane in answer.context["lanes"]] == ["succeeded", "failed", "not_run", "not_run"]
    assert b"<html" not in fragment.content
    assert fragment.content.count(b"<td><a") == 2
    assert browser.get(f"/runs/{run.pk}/?step=none&tab=none&attempt=99").status_code == 200


def test_every_document_is_rendered_and_has_its_source(app: Client) -> None:
    names = [path.stem for path in docs.FOLDER.glob("*.md")]
    assert {"first-run", "events", "runs"} <= set(names)
    listed = app.get("/docs/").content.decode()
    for name in names:
        page = app.get(f"/docs/{name}/")
        assert page.status_code == 200
        assert f"/docs/{name}/" in listed
        assert app.get(f"/docs/{name}.md").headers["Content-Type"].startswith("text/markdown")
        article = page.content.decode().partition("<article")[2].partition("</article>")[0]
        for link in re.findall(r'(?:href|src)="([^"#:]+)["#]', article):
            target = urljoin(f"/docs/{name}/", link)
            assert target.startswith("/api/") or app.get(target).status_code == 200, f"{name}: {link}"
    assert app.get("/docs/..%2Fsettings/").status_code == 404


def test_help_links_lead_to_documents(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    for path in ("/start/", "/events/", "/runs/", "/workflows/", "/webhooks/", "/developers/keys/"):
        found = re.search(r'class="help" href="([^"]+)"', browser.get(path).content.decode())
        assert found, path
        assert browser.get(found[1]).status_code == 200


def test_an_event_sent_from_the_page_is_what_a_sender_would_have_sent(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a, "operator")

    answer = browser.post("/start/events/", follow=True)

    assert b"Event received" in answer.content
    with tenant_scope(tenant_a.ref):
        event = Event.objects.get()
        assert (event.source, event.type) == ("webhook:default", "webhook.received")
        assert OutboxJob.objects.get(event_id=event.pk).kind == "event"


def test_a_suspended_workspace_says_what_stopped_who_can_help_and_where_to_go(
    enter: Enter, tenant_a: Workspace
) -> None:
    browser = enter(tenant_a)
    with public_scope():
        suspend(tenant_id=tenant_a.ref.id, actor="operator:test", reason="unpaid", now=timezone.now())

    answers = [browser.get("/runs/"), Client(headers={"host": "alpha.localhost"}).get("/handover/")]

    for answer in answers:
        assert answer.status_code == 403
        assert "Nothing was deleted" in answer.text and "owners can ask the operator" in answer.text
        assert "/workspaces/" in answer.text and answer.headers["X-Trace-Id"] in answer.text
        assert "unpaid" not in answer.text and "owner@" not in answer.text
    with public_scope():
        resume(tenant_id=tenant_a.ref.id, actor="operator:test", now=timezone.now())
    assert browser.get("/runs/").status_code == 200


def test_a_run_opened_from_a_filtered_list_goes_on_within_it(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    make_runs(tenant_a, 5)
    with tenant_scope(tenant_a.ref):
        ids = list(ExecutionRun.objects.order_by("-pk").values_list("pk", flat=True))
        ExecutionRun.objects.filter(pk=ids[2]).update(status="cancelled")

    listed = browser.get("/runs/?status=failed").content.decode()
    within = browser.get(f"/runs/{ids[1]}/?status=failed&step=shape&tab=input").content.decode()
    alone = browser.get(f"/runs/{ids[1]}/").content.decode()

    assert f'href="/runs/{ids[1]}/?status=failed"' in listed
    assert re.search(rf'href="/runs/{ids[0]}/\?status=failed" rel="prev" data-key="\["', within)
    assert re.search(rf'href="/runs/{ids[3]}/\?status=failed" rel="next" data-key="\]"', within)
    assert 'href="/runs/?status=failed">Filtered runs</a>' in within
    assert "status=failed&amp;step=shape&amp;tab=output" in within
    assert re.search(rf'href="/runs/{ids[2]}/" rel="next"', alone)
    assert browser.get(f"/runs/{ids[1]}/?status=nonsense").status_code == 422


def test_the_keys_of_a_run_are_on_its_page_and_in_the_list_of_keys(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    make_runs(tenant_a, 2)
    with tenant_scope(tenant_a.ref):
        run = ExecutionRun.objects.order_by("-pk").first()
    assert run

    page = browser.get(f"/runs/{run.pk}/").content.decode()

    keys = re.findall(r'data-key="([^"]+)" aria-keyshortcuts="([^"]+)"', page)
    assert {key for key, _said in keys} == {"r", "p", "]", "1", "2", "3", "4", "5", "6"}
    assert all(key == said for key, said in keys)
    listed = page.partition('id="shortcuts"')[2]
    for key in ("j", "k", "x", "r", "p", "1", "6", "[", "]", "/", "?", "c"):
        assert f"<kbd>{key}</kbd>" in listed


def test_pages_are_sent_compressed_to_whom_reads_that(app: Client) -> None:
    plain = app.get("/login/")
    assert "Content-Encoding" not in plain.headers and "Accept-Encoding" in plain.headers["Vary"]
    small = app.get("/login/", headers={"accept-encoding": "gzip"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert b"</html>" in gzip.decompress(small.content)
    assert "Content-Encoding" not in app.get("/api/v1/openapi.json", headers={"accept-encoding": "gzip"}).headers
