"""GitHub and Stripe at the gateway: from the endpoint made on the start page to a stored event."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.test import Client

from automate.models import AuditLogEntry, WebhookEndpoint
from automate_tenants.context import tenant_scope
from tests.support.waiting import Eventually
from tests.web.gateway.conftest import Reply, Sender
from tests.web.portal.conftest import enter

__all__ = ["enter"]  # the fixture

GITHUB_PUSH = {"ref": "refs/heads/main", "repository": {"full_name": "octo/hello"}, "pusher": {"name": "octocat"}}
STRIPE_EVENT = {
    "id": "evt_1OaBcD2eZvKYlo2C",
    "object": "event",
    "type": "invoice.paid",
    "data": {"object": {"id": "in_1"}},
}


def made(browser: Client, provider: str, **form: str) -> tuple[str, str]:
    """Press "Make the endpoint": its path at the gateway, and the page's text."""
    answer = browser.post(f"/start/{provider}/", form, follow=True)
    page = answer.content.decode()
    found = re.search(rf'id="{provider}-url"[^>]*>https?://[^/]+(/hooks/\w+)', page)
    assert found, page
    return found[1], page


def github(sender: Sender, path: str, secret: str, body: bytes, delivery: str) -> Reply:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/044aadd", "X-GitHub-Delivery": delivery,
        "X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={signature}",
    }  # fmt: skip
    return sender.gateway.send("POST", path, body, headers)


def stripe(sender: Sender, path: str, secret: str, body: bytes) -> Reply:
    at = int(time.time())
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": f"t={at},v1={signature}"}
    return sender.gateway.send("POST", path, body, headers)


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_github_takes_the_secret_shown_and_a_redelivery_is_a_duplicate(
    alone: Sender, enter: Callable[..., Client]
) -> None:
    path, page = made(enter(alone.workspace), "github")
    secret = re.search(r"whsec_[\w+/=]+", page)
    assert secret, page
    body = json.dumps(GITHUB_PUSH).encode()

    first = github(alone, path, secret[0], body, "72d3162e-cc78-11e3-81ab-4c9367dc0958")
    again = github(alone, path, secret[0], body, "72d3162e-cc78-11e3-81ab-4c9367dc0958")
    forged = github(alone, path, "whsec_guess", body, "another")

    assert (first.status, again.status, again.json["duplicate"]) == (202, 202, True)
    assert (forged.status, forged.code) == (401, "invalid_signature")
    assert "whsec_" not in enter(alone.workspace).get("/start/?tab=github").content.decode()


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_stripe_is_refused_until_its_secret_is_pasted_and_names_its_own_type_and_id(
    alone: Sender,
    owner_connection: psycopg.Connection[Any],
    enter: Callable[..., Client],
    eventually: Eventually,
) -> None:
    browser = enter(alone.workspace)
    path, page = made(browser, "stripe")
    assert "whsec_…" in page  # a field to paste it into
    secret, body = "whsec_f00dfeed5ca1ab1e0ddba11", json.dumps(STRIPE_EVENT).encode()
    assert stripe(alone, path, secret, body).code == "signing_secret_missing"

    wrong = browser.post("/start/stripe/", {"secret": "sk_live_not_a_signing_secret"}, follow=True)
    assert "whsec_" in wrong.content.decode() and "sk_live" not in wrong.content.decode()
    browser.post("/start/stripe/", {"secret": secret})
    eventually(lambda: stripe(alone, path, secret, body).status == 202)  # a route is believed for two seconds
    assert stripe(alone, path, secret, body).json["duplicate"] is True
    schema = alone.workspace.ref.schema_name
    row = owner_connection.execute(f'SELECT type, source FROM "{schema}".automate_event').fetchall()
    assert row == [("invoice.paid", "webhook:stripe")]


@pytest.mark.django_db
def test_the_secret_is_in_no_page_and_no_audit_entry(alone: Sender, enter: Callable[..., Client]) -> None:
    browser, secret = enter(alone.workspace), "whsec_f00dfeed5ca1ab1e0ddba11"
    made(browser, "stripe", secret=secret)
    with tenant_scope(alone.workspace.ref):
        endpoint = WebhookEndpoint.objects.get(slug="stripe")
        assert secret.encode() not in bytes(endpoint.signing_secret or b"")
        assert not [entry for entry in AuditLogEntry.objects.all() if secret in str(vars(entry))]
    assert secret not in browser.get(f"/webhooks/{endpoint.pk}/").content.decode()
