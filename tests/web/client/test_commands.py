"""The commands over the public API: data to stdout, talk to stderr, and an exit code that says how it went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automate_tenants.context import tenant_scope
from tests.isolation.route import OPENAPI
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi, new_key
from tests.web.api.support import DEFINITION, Api, Rows
from tests.web.client.conftest import Automate

pytestmark = pytest.mark.django_db


def test_a_key_is_kept_where_only_its_owner_reads_it(
    automate: Automate, tenant_a: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key(tenant_a, ["events:read"])
    monkeypatch.delenv("DJANGO_AUTOMATE_KEY")
    file = tmp_path / "profiles.json"

    assert automate("whoami").code == 3
    told = automate("login", "--url", "http://testserver/", stdin=key + "\n")

    assert (told.code, key in told.out + told.err) == (0, False)
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    known = automate("whoami", "--json").data
    assert (known["scopes"], known["workspace"]["slug"]) == (["events:read"], "alpha")
    assert automate("whoami", "--workspace", "alpha").code == 0
    elsewhere = automate("events", "list", "--workspace", "beta")
    assert (elsewhere.code, "not 'beta'" in elsewhere.err) == (3, True)
    file.chmod(0o644)
    assert "chmod 600" in automate("whoami").err


def test_a_key_that_the_api_does_not_know_is_not_kept(automate: Automate, tmp_path: Path) -> None:
    refused = automate("login", stdin="am_live_nonsense\n")

    assert (refused.code, "invalid_api_key" in refused.err, refused.out) == (3, True, "")
    assert not (tmp_path / "profiles.json").exists()


def test_a_workflow_from_its_file_to_live_and_back(automate: Automate, tmp_path: Path) -> None:
    file = tmp_path / "flow.json"
    file.write_text(json.dumps({**DEFINITION, "slug": "flow"}))
    changed = {**DEFINITION, "slug": "flow", "rule": None}

    assert automate("workflows", "validate", "--file", str(file)).code == 0
    assert automate("workflows", "import", "--file", str(file), "--dry-run").out.startswith("flow: created")
    assert automate("workflows", "get", "flow").code == 4
    assert automate("workflows", "import", "--file", str(file)).code == 0
    assert automate("workflows", "diff", "--file", str(file)).code == 0
    assert automate("workflows", "diff", "--file", "-", stdin=json.dumps(changed)).code == 1
    assert automate("workflows", "import", "--file", "-", "--draft", stdin=json.dumps(changed)).code == 0
    dry = automate("workflows", "publish", "flow", "--dry-run")
    assert (dry.code, automate("workflows", "get", "flow", "--json").data["active_version"]["version_num"]) == (0, 1)
    assert automate("workflows", "publish", "flow", "--note", "why").out == "flow: version 2 is live\n"
    refused = automate("workflows", "rollback", "flow", "1", "--no-input")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert automate("workflows", "rollback", "flow", "1", "--yes", "--json").data["version_num"] == 3
    exported = automate("workflows", "export", "flow")
    assert json.loads(exported.out)["rule"] == DEFINITION["rule"]
    assert "flow" in automate("workflows", "list").out


def test_a_definition_with_problems_is_told_with_each_place(automate: Automate) -> None:
    wrong = json.dumps({**DEFINITION, "steps": [{"id": "a", "connector": "core", "action": "nothing"}]})

    told = automate("workflows", "validate", "--file", "-", stdin=wrong)
    broken = automate("workflows", "validate", "--file", "-", stdin="{")

    assert (told.code, "/steps/0" in told.out) == (5, True)
    assert (broken.code, broken.out) == (5, "")
    assert "-:1:2: this is not JSON" in broken.err
    assert broken.err.splitlines()[1:] == ["{", " ^"]


def test_events_are_sent_once_listed_and_replayed(automate: Automate) -> None:
    first = automate("events", "send", "order.created", "--dedupe-key", "k", "--json", stdin='{"id": 7}').data
    again = automate("events", "send", "order.created", "--dedupe-key", "k", "--json", "--data", '{"id": 7}').data

    assert (again["event_id"], again["duplicate"]) == (first["event_id"], True)
    listed = automate("events", "list", "--since", "1h", "--type", "order.created", "--json").data
    assert [each["id"] for each in listed["results"]] == [first["event_id"]]
    assert automate("events", "replay", first["event_id"], "--dry-run", "--json").data["method"] == "POST"
    made = automate("events", "replay", first["event_id"], "--file", "-", stdin='{"id": 8}')
    assert (made.code, made.out.strip() != first["event_id"]) == (0, True)


def test_a_list_says_how_to_go_on(automate: Automate, rows: Rows) -> None:
    made = {str(rows.event().pk) for _ in range(3)}

    first = automate("events", "list", "--limit", "2", "--ordering", "id")
    cursor = first.err.split("--cursor ")[1].strip()
    rest = automate("events", "list", "--limit", "2", "--ordering", "id", "--cursor", cursor)

    assert {line.split()[0] for line in first.out.splitlines()[1:] + rest.out.splitlines()[1:]} == made
    assert automate("events", "list", "--limit", "2", "--quiet").err == ""
    assert automate("events", "list", "--limit", "500").code == 5


def test_watching_ends_as_the_run_did(automate: Automate, rows: Rows) -> None:
    workflow = rows.workflow()
    good = rows.run(rows.event(), workflow)
    bad = rows.run(rows.event(), workflow, status="failed")

    assert automate("runs", "watch", str(good.pk)).code == 0
    assert automate("runs", "watch", str(bad.pk)).code == 1
    assert automate("runs", "get", str(bad.pk)).out.startswith(f"{bad.pk}  failed  order-flow v1")
    assert automate("runs", "get", "nonsense").code == 4
    found = automate("runs", "list", "--status", "failed", "--workflow", "order-flow", "--json").data["results"]
    assert [each["id"] for each in found] == [str(bad.pk)]


def test_a_retry_is_planned_and_a_run_cancelled_when_said_so(
    automate: Automate, rows: Rows, tenant_a: Workspace
) -> None:
    run = rows.run(rows.event(), rows.workflow(), status="failed")
    waiting = rows.asking(rows.event(), rows.workflow("other"))

    plan = automate("runs", "retry", str(run.pk), "--from", "start", "--dry-run", "--json").data
    made = automate("runs", "retry", str(run.pk), "--from", "start", "--json").data

    assert (plan["id"], plan["plan"]["again"][0]["id"]) == (None, "note")
    assert made["id"] is not None
    assert automate("runs", "cancel", str(waiting.pk)).code == 2
    assert automate("runs", "cancel", str(waiting.pk), "--yes").code == 0
    assert automate("runs", "retry", str(waiting.pk)).code in {0, 5}
    with tenant_scope(tenant_a.ref):
        waiting.refresh_from_db()
    assert waiting.cancel_requested_at is not None or waiting.status == "cancelled"


def test_a_secret_goes_in_and_never_comes_out(automate: Automate, tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text("second value\n")

    said = [
        automate("secrets", "rotate", "KEY", stdin="x"),
        automate("secrets", "set", "KEY", "--host", "api.stripe.com", "--dry-run", "--json", stdin="first value"),
        automate("secrets", "set", "KEY", "--host", "api.stripe.com", "--json", stdin="first value"),
        automate("secrets", "set", "KEY", "--file", str(file)),
        automate("secrets", "rotate", "KEY", stdin="third value"),
        automate("secrets", "list"),
        automate("secrets", "rotate", "KEY"),
    ]

    assert [each.code for each in said] == [4, 0, 0, 0, 0, 0, 2]
    assert said[4].out == "KEY: version 3\n"
    shown = "".join(each.out + each.err for each in said)
    assert [which for which in ("first", "second", "third") if f"{which} value" in shown] == [], shown
    assert automate("secrets", "set", "KEY", "--value", "x").code == 2


def test_keys_are_made_rolled_and_revoked(automate: Automate) -> None:
    own = automate("keys", "list", "--json").data["results"]

    rolled = automate("keys", "roll", own[0]["id"], "--overlap", "24h", "--yes")
    plain = rolled.out.strip()

    assert plain.startswith("am_live_")
    assert Api(plain).get("/key").status_code == 200
    revoked = automate("keys", "revoke", Api(plain).get("/key").json()["id"], "--yes")
    assert (revoked.code, Api(plain).get("/key").status_code) == (0, 401)


def test_what_a_key_may_not_do_is_said_with_the_trace(
    automate: Automate, tenant_a: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_AUTOMATE_KEY", new_key(tenant_a, ["runs:read"]))

    refused = automate("events", "list", "--json")

    assert (refused.code, refused.out) == (3, "")
    assert "events:read" in refused.err
    assert "trace_id" in refused.err


def test_a_request_that_got_no_answer_is_sent_again_and_done_once(
    automate: Automate, tenant_a: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automate.models import Event
    from automate_client import api as client_api

    inside = client_api.httpx.Client.keywords["transport"]  # type: ignore[attr-defined]
    handle, tries = inside.handle_request, []

    def lost_once(request: Any) -> Any:
        """The first answer is lost on its way."""
        answer = handle(request)
        tries.append(request.headers.get("idempotency-key"))
        if len(tries) == 1:
            raise client_api.httpx.ReadError("the connection was cut")
        return answer

    monkeypatch.setattr(inside, "handle_request", lost_once)

    assert automate("events", "send", "a.b", "--data", "{}").code == 0
    assert len(tries) == 2
    assert tries[0] == tries[1] is not None
    with tenant_scope(tenant_a.ref):
        assert Event.objects.count() == 1


def test_connectors_are_listed_imported_and_tested(automate: Automate, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    assert "postgres" in automate("connectors", "list", "--q", "sql").out
    document.write_text(OPENAPI)
    assert automate("connectors", "import", "--file", str(document), "--name", "Shop", "--json").data["slug"] == "shop"
    tested = automate("connectors", "test", "http", "--param", "url=http://localhost/")
    assert tested.code == 1
    assert "egress_denied" in tested.err
    assert automate("connectors", "test", "http", "--param", "url").code == 2


def test_usage_doctor_and_open_say_what_they_see(automate: Automate) -> None:
    assert "events" in automate("usage").out
    assert "50 %, 80 %, 100 %" in automate("usage-alerts").out
    chosen = automate("usage-alerts", "--every", "none", "--meter", "llm=75,25", "--json").data
    assert (chosen["in_force"]["llm"], chosen["in_force"]["events"], chosen["in_force"]["storage"]) == (
        [25, 75],
        [100],
        [],
    )
    assert automate("usage-alerts", "--meter", "llm=", "--json").data["meters"] == {}
    assert automate("usage-alerts", "--every", "half").code == 2
    opened = automate("open", "runs/?status=failed", "--no-input")
    assert opened.out == "http://testserver/enter/alpha/?next=/runs/%3Fstatus%3Dfailed\n"
    found = {each["subject"]: each["state"] for each in automate("doctor", "--json").data}
    assert (found["login"], found["api"], found["key"]) == ("ok", "ok", "ok")


def test_a_listener_is_told_every_event_and_its_headers(
    automate: Automate, rows: Rows, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automate_client.listen import headers_of

    assert automate("listen", "--forward-to", "nowhere").code == 2
    assert "host" not in headers_of(
        {"id": "1", "type": "a", "source": "é", "trace_id": "t", "headers": {"host": "x", "x-bad": "a\nb"}}
    )


def test_a_webhook_is_deleted_by_its_name(automate: Automate, api: Api) -> None:
    api.post("/webhooks", {"slug": "shop", "auth": "none"})

    assert "shop" in automate("webhooks", "list").out
    assert automate("webhooks", "delete", "shop", "--no-input").code == 2
    assert automate("webhooks", "delete", "shop", "--yes").out == "shop: deleted\n"
    assert automate("webhooks", "delete", "shop", "--yes").code == 4
