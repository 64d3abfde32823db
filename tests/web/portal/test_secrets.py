"""Governance, Stored Secrets: what is shown, what is asked for again, and that no page ever holds a value."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from automate import secrets as engine
from automate.models import AuditLogEntry, Workflow
from automate.services import create_workflow
from automate.services import secrets as services
from automate_governance.models import StoredSecret
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

pytestmark = pytest.mark.django_db
VALUE = "canary-value-77c1"
LIST = "/governance/secrets/"


@pytest.fixture
def stored(tenant_a: Workspace, db: None) -> str:
    with tenant_scope(tenant_a.ref):
        services.create_secret(name="STRIPE_KEY", value=VALUE, actor="system", now=timezone.now())
    return "STRIPE_KEY"


def value_in(workspace: Workspace, name: str = "STRIPE_KEY") -> str:
    with tenant_scope(workspace.ref):
        return engine.resolve(f"$secret:{name}")


def test_a_secret_is_added_and_its_value_never_comes_back(tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a, "admin")

    given = {"name": "API_KEY", "value": f" {VALUE} ", "hosts": "api.stripe.com\n*.stripe.com", "note": "live"}
    answer = browser.post(LIST, given, follow=True)

    page = answer.content.decode()
    assert answer.redirect_chain == [(LIST, 302)]
    assert "API_KEY" in page
    assert "only to api.stripe.com, *.stripe.com" in page
    assert "&quot;$secret&quot;: &quot;API_KEY&quot;" in page
    assert VALUE not in page
    assert value_in(tenant_a, "API_KEY") == f" {VALUE} "  # a value is taken as it is


def test_a_refused_form_keeps_all_but_the_value(tenant_a: Workspace, enter: Enter) -> None:
    answer = enter(tenant_a, "admin").post(LIST, {"name": "not a name", "value": VALUE, "note": "kept"})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "not a name" in page
    assert "kept" in page
    assert VALUE not in page
    assert 'type="password"' in page


def test_rotating_asks_for_the_password_once_in_a_quarter_of_an_hour(
    tenant_a: Workspace, enter: Enter, stored: str
) -> None:
    browser = enter(tenant_a)
    path = f"{LIST}{stored}/rotate/"

    without = browser.post(path, {"value": "second value"})
    wrong = browser.post(path, {"value": "second value", "current_password": "guess"})
    before = value_in(tenant_a)
    right = browser.post(path, {"value": "second value", "current_password": tenant_a.password})
    after = value_in(tenant_a)
    again = browser.post(path, {"value": "third value"})

    assert (without.status_code, wrong.status_code, right.status_code, again.status_code) == (422, 422, 302, 302)
    assert (before, after, value_in(tenant_a)) == (VALUE, "second value", "third value")
    session = browser.session
    session["reauthenticated_at"] -= 16 * 60
    session.save()
    assert browser.post(path, {"value": "fourth value"}).status_code == 422
    assert value_in(tenant_a) == "third value"


def test_five_wrong_passwords_end_the_session(tenant_a: Workspace, enter: Enter, stored: str) -> None:
    browser = enter(tenant_a)
    path = f"{LIST}{stored}/delete/"

    for _ in range(4):
        assert browser.post(path, {"current_password": "guess"}).status_code == 422
    assert browser.post(path, {"current_password": "guess"}).status_code == 401
    out = browser.post(path, {"current_password": tenant_a.password})

    assert out.status_code == 302
    assert "/login/" in out["Location"]
    assert value_in(tenant_a) == VALUE


def test_the_value_before_is_restored_from_the_page(tenant_a: Workspace, enter: Enter, stored: str) -> None:
    browser = enter(tenant_a)
    browser.post(f"{LIST}{stored}/rotate/", {"value": "second value", "current_password": tenant_a.password})

    offered = browser.get(LIST).content.decode()
    done = browser.post(f"{LIST}{stored}/restore/", {})

    assert f"{LIST}{stored}/restore/" in offered
    assert done.status_code == 302
    assert value_in(tenant_a) == VALUE


def test_what_is_used_cannot_be_deleted_and_says_where(tenant_a: Workspace, enter: Enter, stored: str) -> None:
    with tenant_scope(tenant_a.ref):
        create_workflow(definition=flow("STRIPE_KEY"), actor="system", now=timezone.now())
    browser = enter(tenant_a)
    path = f"{LIST}{stored}/delete/"

    page = browser.get(path).content.decode()
    refused = browser.post(path, {"current_password": tenant_a.password})

    assert ">flow</a>" in page
    assert refused.status_code == 422
    assert value_in(tenant_a) == VALUE


def test_missing_secrets_stand_on_top_and_old_ones_are_marked(tenant_a: Workspace, enter: Enter, stored: str) -> None:
    with tenant_scope(tenant_a.ref):
        create_workflow(definition=flow("NOT_THERE"), actor="system", now=timezone.now())
        StoredSecret.objects.update(created_at=timezone.now() - timedelta(days=91))

    page = enter(tenant_a, "admin").get(LIST).content.decode()

    assert page.index("Missing: workflows refer to 1 secret that is not here") < page.index("STRIPE_KEY")
    assert "?name=NOT_THERE#add" in page
    assert "older than 90 days" in page


@pytest.mark.parametrize(("role", "sees", "changes"), [("viewer", False, False), ("builder", True, False)])
def test_roles(tenant_a: Workspace, enter: Enter, stored: str, role: str, sees: bool, changes: bool) -> None:
    browser = enter(tenant_a, role)

    assert (browser.get(LIST).status_code == 200) is sees
    assert browser.post(LIST, {"name": "X", "value": "y"}).status_code == 403
    assert browser.post(f"{LIST}{stored}/rotate/", {"value": "y"}).status_code == 403


def test_the_audit_page_tells_of_it_with_before_and_after_and_exports(
    tenant_a: Workspace, enter: Enter, stored: str
) -> None:
    browser = enter(tenant_a)
    answer = browser.post(
        f"{LIST}{stored}/", {"hosts": "api.stripe.com", "note": "=cmd()", "current_password": tenant_a.password}
    )
    assert answer.status_code == 302

    page = browser.get("/governance/audit/", {"action": "secret."}).content.decode()
    lines = browser.get("/governance/audit.jsonl", {"action": "secret."}).getvalue().decode().splitlines()
    table = browser.get("/governance/audit.csv", {"action": "secret."}).getvalue().decode()
    other = browser.get("/governance/audit.xml")

    with tenant_scope(tenant_a.ref):
        entry = AuditLogEntry.objects.get(action="secret.change")
    assert (entry.ip, entry.trace_id.hex if entry.trace_id else "") == ("127.0.0.1", answer["X-Trace-Id"])
    assert "append-only" in page
    assert "<ins>" in page
    assert tenant_a.owner.email in page
    assert [line.count("secret:STRIPE_KEY") for line in lines] == [1, 1]
    assert "secret.change" in table
    assert VALUE not in page + table + "".join(lines)
    assert other.status_code == 404


def flow(name: str) -> dict[str, Any]:
    return {
        "slug": "flow", "name": "Flow", "trigger": {"type": "event", "event_type": "e"}, "rule": None,
        "steps": [{"id": "a", "connector": "core", "action": "log", "params": {"message": {"$secret": name}}}],
    }  # fmt: skip


def test_the_list_costs_the_same_number_of_queries_for_any_number(
    tenant_a: Workspace, enter: Enter, stored: str, django_assert_max_num_queries: Any
) -> None:
    with tenant_scope(tenant_a.ref):
        for number in range(12):
            services.create_secret(name=f"K{number}", value="some value", actor="system", now=timezone.now())
        assert Workflow.objects.count() >= 1
    browser = enter(tenant_a)

    with django_assert_max_num_queries(25):
        page = browser.get(LIST).content.decode()

    assert page.count("********") >= 13


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_of_any_length_is_whole_and_sent_as_it_is_read(
    tenant_a: Workspace, enter: Enter, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("automate_web.pages.audit.EXPORTED_AT_ONCE", 3)
    with tenant_scope(tenant_a.ref):
        AuditLogEntry.objects.bulk_create(
            AuditLogEntry(actor="system", action="long.span", resource=f"n:{number}", created_at=timezone.now())
            for number in range(9)
        )

    answer = enter(tenant_a).get(f"/governance/audit.{kind}", {"action": "long.span"})

    assert answer.streaming
    lines = answer.getvalue().decode().splitlines()[kind == "csv" :]
    assert [next(word for word in line.replace('"', ",").split(",") if word[:2] == "n:") for line in lines] == [
        f"n:{number}" for number in range(9)
    ]
