"""The operators' pages: on their own host, for staff with a second factor; what they do stands where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from automate.models import AuditLogEntry, OutboxJob
from automate_billing import subscriptions
from automate_platform.operators.log_in import MARK
from automate_platform.operators.site import site
from automate_tenants import deletion, directory, features
from automate_tenants.context import tenant_scope
from automate_tenants.models import (
    DispatchTenant,
    FailedSignup,
    InstallationHalt,
    OperatorVisit,
    Tenant,
)
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db
HOST = "admin.localhost"
EMAIL, PASSWORD = "root@installation.example", "operators-correct-horse"


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    directory.forget("alpha")


@pytest.fixture
def operator(db: None) -> Any:
    user = get_user_model().objects.create_user(username=EMAIL, email=EMAIL, password=PASSWORD, is_staff=True)
    RecoveryCodes.activate(user)
    return user


@pytest.fixture
def inside(operator: Any) -> Client:
    """The operator's browser, logged in."""
    browser = Client(headers={"host": HOST}, REMOTE_ADDR="127.0.0.1")
    browser.force_login(operator, backend="allauth.account.auth_backends.AuthenticationBackend")
    session = browser.session
    session[MARK] = operator.pk
    session.save()
    return browser


@pytest.fixture
def do(inside: Client, tenant_a: Workspace) -> Callable[..., Any]:
    """`do("suspend", reason="x")`: what a button of A's page does."""
    return lambda verb, **given: inside.post(f"/automate_tenants/tenant/{tenant_a.ref.id}/do/{verb}/", given)


def entries(workspace: Workspace, action: str) -> list[AuditLogEntry]:
    with tenant_scope(workspace.ref):
        return list(AuditLogEntry.objects.filter(action=action))


def code_of(user: Any) -> str:
    codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
    return codes[0]


# -- who comes in ------------------------------------------------------------------------------------------------------


def test_password_and_code_open_it_and_neither_alone(operator: Any) -> None:
    browser = Client(headers={"host": HOST}, REMOTE_ADDR="127.0.0.1")
    assert browser.get("/").headers["Location"].startswith("/login/")
    code = code_of(operator)

    for password, typed in ((PASSWORD, "000000"), ("wrong", code), (PASSWORD, "")):
        refused = browser.post("/login/", {"username": EMAIL, "password": password, "code": typed})
        assert refused.status_code == 200
        assert b"errornote" in refused.content
    browser.post("/login/", {"username": EMAIL, "password": PASSWORD, "code": code})

    assert browser.get("/").status_code == 200
    again = Client(headers={"host": HOST}).post("/login/", {"username": EMAIL, "password": PASSWORD, "code": code})
    assert b"errornote" in again.content  # a recovery code is good once


def test_an_app_code_is_good_too(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(operator, secret)
    code = totp.format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())))
    browser = Client(headers={"host": HOST}, REMOTE_ADDR="127.0.0.1")

    browser.post("/login/", {"username": EMAIL, "password": PASSWORD, "code": code})

    assert browser.get("/").status_code == 200


def test_nobody_else_comes_in(operator: Any, tenant_a: Workspace) -> None:
    """Neither a customer, nor staff whose session proved no second factor, nor staff whose factor is gone."""
    RecoveryCodes.activate(tenant_a.owner)
    typed = {"username": tenant_a.owner.email, "password": tenant_a.password, "code": code_of(tenant_a.owner)}
    customer = Client(headers={"host": HOST})
    assert b"errornote" in customer.post("/login/", typed).content
    for user, mark in ((tenant_a.owner, tenant_a.owner.pk), (operator, None), (operator, tenant_a.owner.pk)):
        browser = Client(headers={"host": HOST})
        browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        session = browser.session
        session[MARK] = mark
        session.save()
        assert browser.get("/automate_tenants/tenant/").status_code == 302
    assert not Client(headers={"host": HOST}).get("/runs/").content.strip().startswith(b"<!doctype html>\n<html lang")


def test_its_pages_exist_on_no_other_host_and_the_products_not_on_it(inside: Client, tenant_a: Workspace) -> None:
    for host in ("app.localhost", "alpha.localhost", "localhost", "admin.alpha.localhost"):
        inside.defaults["HTTP_HOST"] = host
        for path in ("/automate_tenants/tenant/", "/switch/", "/stuck/", "/admin/"):
            assert inside.get(path, headers={"host": host}).status_code in {302, 400, 404}, (host, path)
            assert b"Operators" not in inside.get(path, headers={"host": host}).content, (host, path)
    for path in ("/signup/", "/api/v1/events", "/w/alpha/", "/docs/", "/nonsense/"):
        assert inside.get(path, headers={"host": HOST}).status_code == 404, path
    page = inside.get("/nonsense/", headers={"host": HOST}).content.decode()
    assert "<title>Nothing here | Operators</title>" in page and 'href="/"' in page
    assert "/signup/" not in page and "/workspaces/" not in page  # links of the product lead nowhere here


# -- what they see -----------------------------------------------------------------------------------------------------


def test_every_list_and_row_opens_and_nothing_can_be_changed_by_hand(inside: Client, tenant_a: Workspace) -> None:
    FailedSignup.objects.create(email="a@b.example", name="A", slug="a", error="x", at=timezone.now())
    for model, shown in site._registry.items():
        name = f"/{model._meta.app_label}/{model._meta.model_name}/"
        page = inside.get(name, {"q": "1"})
        assert page.status_code == 200, name
        assert shown.list_filter, name
        assert shown.search_fields, name
        row = model._default_manager.first()
        if row is not None:
            detail = inside.get(f"{name}{row.pk}/change/")
            assert detail.status_code == 200, name
            assert b'name="_save"' not in detail.content, name
        assert inside.get(f"{name}add/").status_code == 403, name


def test_no_secret_is_on_any_of_its_pages(inside: Client, tenant_a: Workspace) -> None:
    pages = [f"/{model._meta.app_label}/{model._meta.model_name}/" for model in site._registry]
    rows = [f"{page}{row.pk}/change/" for page, model in zip(pages, site._registry, strict=True)
            for row in model._default_manager.all()[:3]]  # fmt: skip
    everything = b"".join(inside.get(path).content for path in ("/", "/stuck/", "/switch/", *pages, *rows)).decode()

    for secret in (tenant_a.api_key, tenant_a.opened.endpoint.token, "pbkdf2", "argon2", tenant_a.owner.password):
        assert secret not in everything
    columns = {
        field.name for model in site._registry for field in model._meta.fields if "Binary" in type(field).__name__
    }
    assert all(f"field-{name}" not in everything for name in columns)


def test_the_first_page_says_how_it_is(inside: Client, tenant_a: Workspace) -> None:
    now = timezone.now()
    Tenant.objects.filter(pk=tenant_a.ref.id).update(created_at=now - timedelta(seconds=90), first_event_at=now)
    InstallationHalt.objects.create(pk=1, halted_at=now, halted_by="operator:x", reason="an incident")

    page = inside.get("/").content.decode()

    assert "median 90 s, 90 % within 90 s, over 1 workspaces" in page
    assert "Everything is halted" in page
    assert "Scale" in page


# -- what they do ------------------------------------------------------------------------------------------------------


def test_suspend_resume_and_keep(do: Callable[..., Any], inside: Client, tenant_a: Workspace) -> None:
    assert do("suspend").status_code == 422  # a reason
    assert do("suspend", reason="the invoice of May").status_code == 302
    tenant = Tenant.objects.get(pk=tenant_a.ref.id)
    assert (tenant.status, tenant.suspended_reason) == ("suspended", "the invoice of May")
    assert do("suspend", reason="again").headers["Location"].endswith("/automate_tenants/tenant/")  # not offered
    assert do("resume").status_code == 302
    assert Tenant.objects.get(pk=tenant_a.ref.id).status == "active"
    deletion.ask(tenant_id=tenant_a.ref.id, actor="user:1", confirm="alpha", now=timezone.now())
    assert do("keep").status_code == 302
    assert Tenant.objects.get(pk=tenant_a.ref.id).delete_at is None
    [entry] = entries(tenant_a, "workspace.suspend")
    assert (entry.actor, entry.details) == (f"operator:{EMAIL}", {"reason": "the invoice of May"})
    assert LogEntry.objects.count() == 3


def test_change_plan(do: Callable[..., Any], tenant_a: Workspace) -> None:
    do("plan", plan="free")

    assert subscriptions.plan_of(tenant_a.ref.id).code == "free"
    [entry] = entries(tenant_a, "plan.change")
    assert entry.actor == f"operator:{EMAIL}"


def test_a_visit_looks_and_changes_nothing_and_the_workspace_knows(do: Callable[..., Any], tenant_a: Workspace) -> None:
    target = do("visit", reason="ticket 7").headers["Location"]
    host, _, path = target.removeprefix("http://").partition("/")
    assert host == "alpha.localhost"
    browser = Client(headers={"host": host}, REMOTE_ADDR="127.0.0.1")

    assert browser.get(f"/{path}").headers["Location"] == "/"
    page = browser.get("/events/")
    assert page.status_code == 200
    assert "as an operator" in page.content.decode()
    assert browser.get("/developers/keys/").status_code == 403  # as a Viewer
    assert browser.post("/settings/", {"name": "Mine", "timezone": "UTC"}).status_code == 403
    assert Client(headers={"host": host}).get(f"/{path}").status_code == 401  # the word is spent
    assert browser.get("/events/", headers={"host": "beta.localhost"}).status_code == 302
    [entry] = entries(tenant_a, "operator.visit")
    assert (entry.actor, entry.details["reason"]) == (f"operator:{EMAIL}", "ticket 7")
    OperatorVisit.objects.update(expires_at=timezone.now())
    assert browser.get("/events/").status_code == 404


def test_the_kill_switch_and_features(inside: Client, tenant_a: Workspace) -> None:
    inside.post("/switch/", {"what": "halt", "reason": "an incident"})
    assert InstallationHalt.objects.get().reason == "an incident"
    assert entries(tenant_a, "installation.halt")
    inside.post("/switch/", {"what": "resume"})
    assert not InstallationHalt.objects.exists()

    inside.post("/switch/", {"what": "feature", "feature": "export", "workspace": "alpha", "state": "off"})
    assert (features.is_on("export", tenant_a.ref.id), features.is_on("export")) == (False, True)
    assert entries(tenant_a, "feature.switch")
    refused = inside.post("/switch/", {"what": "feature", "feature": "sign_up", "workspace": "alpha", "state": "off"})
    assert b"There is no such switch." in refused.content


def test_stuck_work_is_found_and_set_going_but_not_what_is_held(inside: Client, tenant_a: Workspace) -> None:
    long_ago = timezone.now() - timedelta(minutes=20)
    with tenant_scope(tenant_a.ref):
        OutboxJob.objects.create(kind="tick", status="PENDING", available_at=long_ago)
    mine = DispatchTenant.objects.filter(pk=tenant_a.ref.id)
    mine.update(ready=False, wake_at=long_ago, paused_until=None, latest_error="")

    page = inside.get("/stuck/", {"minutes": "10"}).content.decode()
    assert "alpha" in page
    assert "nobody rang for it" in page
    assert "alpha" not in inside.get("/stuck/", {"minutes": "30"}).content.decode()
    done = inside.post("/stuck/", {"tenant": tenant_a.ref.id}, follow=True)

    assert b"rung for" in done.content
    assert mine.get().ready
    mine.update(paused_until=deletion.pauses.FOREVER, latest_error="migration failed: x")
    held = inside.post("/stuck/", {"tenant": tenant_a.ref.id}, follow=True)
    assert b"not set going: migration failed" in held.content
    assert mine.get().paused_until is not None


def test_a_failed_sign_up_is_opened_for_its_person(inside: Client) -> None:
    failed = FailedSignup.objects.create(
        email="new@c.example", name="New Co", slug="new-co", error="x", at=timezone.now()
    )
    taken = FailedSignup.objects.create(email="new@c.example", name="Api", slug="api", error="x", at=timezone.now())
    act = {"action": "open", "index": "0", "_selected_action": [failed.pk, taken.pk]}

    page = inside.post("/automate_tenants/failedsignup/", act, follow=True).content.decode()

    assert "New-co is open for new@c.example" in page
    assert "Api: This address is reserved." in page
    assert Tenant.objects.filter(slug="new-co", memberships__user__email="new@c.example").exists()
    assert list(FailedSignup.objects.filter(settled_at=None)) == [taken]
