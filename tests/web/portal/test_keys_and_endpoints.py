"""What is shown once, what ends for good, and what must never look harmless."""

from __future__ import annotations

import re

from django.utils import timezone

from automate.ingest.ingestor import EventIngestor
from automate.models import WebhookEndpoint
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.keys import verify_key
from automate_tenants.models import ApiKey
from tests.support.workspaces import Workspace
from tests.tenants.test_endpoints import start_by
from tests.web.portal.conftest import Enter


def works(plain: str) -> bool:
    with public_scope():
        return verify_key(plain, now=timezone.now()) is not None


def text_of(content: bytes) -> str:
    found = re.search(r"am_live_\w{38}", content.decode())
    assert found
    return found[0]


def test_a_key_is_shown_once_with_a_ready_curl(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)

    made = browser.post("/developers/keys/", {"name": "shop", "scopes": ["events:write"]})
    first, second = browser.get(made.headers["Location"]), browser.get(made.headers["Location"])

    plain = text_of(first.content)
    assert works(plain)
    assert f"Bearer {plain}".encode() in first.content
    assert plain.encode() not in second.content
    assert plain.encode() not in browser.get("/developers/keys/").content
    assert first.headers["Cache-Control"] == "private, no-store"


def test_a_rolled_key_works_on_for_the_chosen_time(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    old = ApiKey.objects.get(tenant_id=tenant_a.ref.id)

    over = browser.post(f"/developers/keys/{old.pk}/roll/", {"overlap": "86400"})
    new = text_of(browser.get(over.headers["Location"]).content)
    assert works(new) and works(tenant_a.api_key)
    assert b"Expiring" in browser.get("/developers/keys/").content

    browser.post(f"/developers/keys/{old.pk}/roll/", {"overlap": "0"})
    assert not works(tenant_a.api_key)
    assert browser.post(f"/developers/keys/{old.pk}/roll/", {"overlap": "0"}).status_code == 422
    assert browser.post(f"/developers/keys/{old.pk}/roll/", {"overlap": "12345"}).status_code == 422


def test_a_key_is_revoked_only_with_its_name_typed(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    key = ApiKey.objects.get(tenant_id=tenant_a.ref.id)
    path = f"/developers/keys/{key.pk}/revoke/"

    assert browser.post(path, {"name": "another"}).status_code == 422
    assert works(tenant_a.api_key)
    assert browser.post(path, {"name": key.name}).status_code == 302
    assert not works(tenant_a.api_key)


def test_a_key_of_another_workspace_is_not_found(enter: Enter, tenant_a: Workspace, tenant_b: Workspace) -> None:
    browser = enter(tenant_a)
    theirs = ApiKey.objects.get(tenant_id=tenant_b.ref.id)

    for verb in ("", "roll/", "revoke/"):
        assert browser.get(f"/developers/keys/{theirs.pk}/{verb}").status_code == 404
    assert browser.post(f"/developers/keys/{theirs.pk}/revoke/", {"name": theirs.name}).status_code == 404
    assert works(tenant_b.api_key)


def test_an_endpoint_that_checks_nobody_is_marked_wherever_it_is_shown(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    with tenant_scope(tenant_a.ref):
        endpoint = WebhookEndpoint.objects.get()
    path = f"/webhooks/{endpoint.pk}/"
    assert b"Nobody is checked</span>" not in browser.get("/webhooks/").content

    form = {"auth": "none", "event_type": "order.created", "dedupe_path": "order.id", "is_active": "on"}
    assert browser.post(path, form).status_code == 302

    assert b"Nobody is checked</span>" in browser.get("/webhooks/").content
    assert b"Whoever learns this address" in browser.get(path).content
    with tenant_scope(tenant_a.ref):
        endpoint.refresh_from_db()
    assert (endpoint.event_type, endpoint.dedupe_path, endpoint.is_active) == ("order.created", "order.id", True)


def test_a_signing_secret_is_shown_once(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)

    made = browser.post(
        "/webhooks/new/", {"slug": "signed", "auth": "standard_webhooks", "event_type": "order.created"}
    )
    first, second = browser.get(made.headers["Location"]), browser.get(made.headers["Location"])

    assert re.search(rb"whsec_[\w+/=]{40}", first.content)
    assert not re.search(rb"whsec_[\w+/=]{40}", second.content)


def test_a_wrong_endpoint_is_said_beside_its_field(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)

    answer = browser.post(
        "/webhooks/new/",
        {"slug": "default", "auth": "api_key", "event_type": "no spaces please", "dedupe_path": "a..b"},
    )

    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert b"no spaces please" in answer.content


def test_an_endpoint_is_deleted_only_with_its_name_typed_and_can_be_read_on(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    browser.post("/webhooks/new/", {"slug": "shop", "auth": "none", "event_type": "x", "signed": "{body}"})
    with tenant_scope(tenant_a.ref):
        made = WebhookEndpoint.objects.get(slug="shop")
        EventIngestor().ingest(type="order.created", payload={"id": 7}, source=made.source)
    path = f"/webhooks/{made.pk}/"
    page = browser.get(f"{path}removals/")
    wrong = browser.post(f"{path}removals/", {"name": "shopp"})
    assert (page.status_code, wrong.status_code) == (200, 422)
    assert "Type the name exactly: shop" in wrong.text

    done = browser.post(f"{path}removals/", {"name": "shop"}, follow=True)

    assert "“shop” is deleted" in done.text
    assert path not in done.text
    read = browser.get(path).text
    assert "deleted" in read and "order.created" in read and "/hooks/" not in read
    for gone in ("removals/", "test/", "secret/"):
        assert browser.get(f"{path}{gone}").status_code == 404
    assert browser.post(path, {"auth": "none", "event_type": "y"}).status_code == 404


def test_an_endpoint_in_use_says_by_which_workflow(enter: Enter, tenant_a: Workspace) -> None:
    sample, endpoint = tenant_a.opened.workflow, tenant_a.opened.endpoint
    with tenant_scope(tenant_a.ref):
        start_by(sample, endpoint.slug)
    browser = enter(tenant_a)
    path = f"/webhooks/{endpoint.pk}/removals/"

    assert f"q={sample.slug}" in browser.get(path).text
    assert browser.post(path, {"name": endpoint.slug}).status_code == 409
    with tenant_scope(tenant_a.ref):
        assert WebhookEndpoint.objects.filter(pk=endpoint.pk).exists()
