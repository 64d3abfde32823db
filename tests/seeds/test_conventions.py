"""The welcome page: versions, the error format, redaction, pagination."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from automate.secrets import redact
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step
from tests.seeds.promise import promise
from tests.web.portal.conftest import make_runs

ROOT = Path(__file__).parents[2]


@promise("index", "SemVer: We follow Semantic Versioning MAJOR.MINOR.PATCH.")
def test_versions_are_major_minor_patch() -> None:
    for project in ("engine/pyproject.toml", "pyproject.toml"):
        [version] = re.findall(r'^version = "(.*)"', (ROOT / project).read_text(), re.MULTILINE)
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert "v1 changes only by adding" in (ROOT / "CHANGELOG.md").read_text()


@promise("index", "All API errors follow the NormalizedError shape:")
def test_all_api_errors_have_the_normalized_shape(api: Any) -> None:
    answers = [
        api.get("/nonsense"),
        api.get("/runs", limit="many"),
        api.post("/events", b"{"),
        api.send("DELETE", "/events"),
        type(api)("am_live_wrong").get("/runs"),
    ]

    assert [answer.status_code for answer in answers] == [404, 422, 400, 405, 401]
    for answer in answers:
        assert set(answer.json()) == {"code", "message", "details", "trace_id"}


@promise(
    "index",
    '{ "code": "resource_not_found", "message": "Workflow with ID 123 does not exist.", "details": { "id": "123" },'
    ' "trace_id": "aa-bb-cc-dd" }',
    note="A trace id is 32 hexadecimal digits",
)
def test_an_error_has_code_message_details_and_trace_id(api: Any) -> None:
    body = api.get("/workflows/123").json()

    assert body["code"] == "resource_not_found"
    assert body["message"].endswith(".")
    assert isinstance(body["details"], dict)
    assert re.fullmatch(r"[0-9a-f]{32}", body["trace_id"])


@promise(
    "index",
    "Safe Payloads: Logs and UI displays automatically redact values mirroring keys like password, token, key,"
    " authorization.",
)
def test_displays_redact_password_token_key_and_authorization(tenant_a: Any, enter: Any) -> None:
    for name in ("password", "token", "key", "authorization"):
        assert redact({name: "shown?"}) == {name: "********"}
    event = make_runs(tenant_a, 1)[0]

    page = enter(tenant_a).get(f"/events/{event.pk}/").content

    assert b"hunter2" not in page
    assert b"********" in page


@promise(
    "index",
    "Raw Payloads: Accessing the raw, unredacted payload requires specific view_raw_payload permission in Admin.",
)
def test_the_raw_payload_requires_view_raw_payload(bench: Bench, tenant_a: Any, enter: Any) -> None:
    from automate.models import Event
    from automate.services.why import explain_event

    assert ("view_raw_payload", "Can see payloads without redaction") in Event._meta.permissions
    bench.publish(step("a", "log", connector="core", params={"message": "x"}), rule={"var": "payload.password"})
    event = bench.emit({"password": "hunter2"})
    bench.work()
    with tenant_scope(bench.ref):
        shown = str(explain_event(Event.objects.get(pk=event)))
        raw = str(explain_event(Event.objects.get(pk=event), raw=True))

    assert "hunter2" not in shown
    assert "hunter2" in raw
    password, path = {"current_password": tenant_a.password}, f"/events/{event}/raw/"
    assert enter(tenant_a, "viewer").post(path, password).status_code == 403
    assert b"hunter2" in enter(tenant_a).post(path, password).content  # an owner has it, and gives the password again


@promise("index", "Cursor-based pagination is used for high-volume endpoints (Events, Runs).")
def test_events_and_runs_are_paged_by_cursor(api: Any, tenant_a: Any) -> None:
    make_runs(tenant_a, 5)

    for path in ("/events", "/runs"):
        first = api.get(path, limit=2).json()
        cursor = re.search(r"[?&]cursor=([^&]+)", first["next"])
        assert cursor is not None
        second = api.get(path, limit=2, cursor=cursor[1]).json()
        ids = [row["id"] for row in (*first["results"], *second["results"])]
        assert len(ids) == len(set(ids)) == 4


@promise("index", "?cursor=cD0yMDIz&limit=50")
def test_a_page_is_asked_for_by_cursor_and_limit(api: Any, tenant_a: Any) -> None:
    make_runs(tenant_a, 3)

    page = api.get("/events", limit=1).json()

    assert len(page["results"]) == 1
    assert "cursor=" in page["next"]
    assert "limit=1" in page["next"]
