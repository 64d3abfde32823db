"""Schemes, rolls and what is kept of requests, through a real gateway; the test sender signs like a sender."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from automate.ingest.schemes import scheme_of
from automate.models import Event, WebhookEndpoint
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.endpoints import create_endpoint, end_overlap, roll_secret
from automate_tenants.models import ApiKey, RefusalSample, RequestCount, RequestSample
from tests.support.waiting import Eventually
from tests.web.gateway.conftest import Inside, Reply, Sender
from tests.web.portal.conftest import enter

__all__ = ["enter"]  # the fixture

HOUR = timedelta(hours=1)
SLACK_SECRET, SHOPIFY_SECRET = "8f742231b10e8888abcd99yyyzzz85a5", "shpss_0123456789abcdef"
CUSTOM = {"header": "X-Sig", "algorithm": "sha512", "timestamp_header": "X-Time", "signed": "{timestamp}.{body}"}


def made(sender: Sender, auth: str, secret: str = "", options: dict[str, Any] | None = None) -> WebhookEndpoint:
    with tenant_scope(sender.workspace.ref):
        return create_endpoint(
            slug=f"by-{auth.replace('_', '-')}", auth=auth, auth_options=options, secret=secret, actor="user:1",
            now=timezone.now(),
        ).endpoint  # fmt: skip


def signed(
    sender: Sender, endpoint: WebhookEndpoint, secret: str, body: object, delivery: str = "d-1", **more: str
) -> Reply:
    scheme, raw = scheme_of(endpoint.auth, endpoint.auth_options), json.dumps(body).encode()
    assert scheme is not None
    headers = scheme.sign(secret=secret, raw=raw, delivery=delivery, now_seconds=time.time())
    return sender.gateway.send(
        "POST", f"/hooks/{endpoint.token}", raw, {"Content-Type": "application/json", **headers, **more}
    )


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_each_scheme_a_roll_and_the_requests_that_are_kept(
    alone: Sender,
    inside: Callable[[Sender], Inside],
    enter: Callable[..., Client],
    eventually: Eventually,
    settings: Any,
) -> None:
    slack, shopify = made(alone, "slack", SLACK_SECRET), made(alone, "shopify", SHOPIFY_SECRET)
    custom = made(alone, "hmac", "old-secret-of-ours", CUSTOM)
    old = "old-secret-of-ours"

    asked = signed(alone, slack, SLACK_SECRET, {"type": "url_verification", "challenge": "3eZbrw1a"})
    assert (asked.status, asked.json) == (200, {"challenge": "3eZbrw1a"})
    message = {"type": "event_callback", "event_id": "Ev08MFMKH6", "event": {"type": "message", "text": "hi"}}
    first, again = signed(alone, slack, SLACK_SECRET, message), signed(alone, slack, SLACK_SECRET, message)
    assert (first.status, again.json["duplicate"], again.json["event_id"]) == (202, True, first.json["event_id"])
    assert signed(alone, shopify, SHOPIFY_SECRET, {"id": 1}, "b54557e4").status == 202
    assert signed(alone, shopify, SHOPIFY_SECRET, {"id": 1}, "b54557e4").json["duplicate"] is True
    forged = signed(alone, slack, "not-the-secret", {"password": "hunter22", "text": "let me in"})
    assert (forged.status, forged.code) == (401, "invalid_signature")
    assert signed(alone, custom, old, {}).status == 202
    assert [row[0] for row in inside(alone).rows("event", "type")] == [
        "message",
        "webhook.received",
        "webhook.received",
    ]

    with tenant_scope(alone.workspace.ref):
        new = roll_secret(endpoint_id=custom.pk, overlap=HOUR, actor="user:1", now=timezone.now()).secret or ""
    eventually(lambda: signed(alone, custom, new, {}).status == 202)
    assert signed(alone, custom, old, {}).status == 202  # both are good
    with tenant_scope(alone.workspace.ref):
        end_overlap(endpoint_id=custom.pk, actor="user:1", now=timezone.now())
    eventually(lambda: signed(alone, custom, old, {}).status == 401)
    assert signed(alone, custom, new, {}).status == 202

    with public_scope():
        refused = eventually(lambda: RefusalSample.objects.filter(endpoint_id=slack.pk).first())
        kept = eventually(lambda: RequestSample.objects.filter(endpoint_id=slack.pk).count() == 2)
        eventually(lambda: RequestCount.objects.filter(endpoint_id=slack.pk, accepted=1, duplicates=1).exists())
    assert kept and refused is not None and refused.headers is not None
    assert (refused.headers["x-slack-signature"], "hunter22" in refused.body) == ("********", False)
    assert "let me in" in refused.body
    browser = enter(alone.workspace)
    page = browser.get(f"/webhooks/{slack.pk}/").text
    for words in ("Challenge answered", "Duplicate", "invalid_signature", "let me in", "Ev08MFMKH6"):
        assert words in page
    assert "let me in" not in browser.get(f"/webhooks/{slack.pk}/?verdict=accepted").text

    settings.INTERNAL_URL = alone.gateway.url
    for endpoint in (slack, shopify, custom):
        tested = browser.post(f"/webhooks/{endpoint.pk}/test/", {"payload": '{"event_id": "test"}'})
        sent = tested.context["sent"]
        assert (sent.status, tested.status_code) == (202, 200), sent.answer
        with tenant_scope(alone.workspace.ref):
            assert Event.objects.get(pk=sent.event_id).payload == {"event_id": "test"}
        assert f"/events/{sent.event_id}/" in tested.text
    with tenant_scope(alone.workspace.ref):
        default = WebhookEndpoint.objects.get(slug="default")
    tested = browser.post(f"/webhooks/{default.pk}/test/", {"payload": "[1]"})  # demands an API key
    assert tested.context["sent"].status == 202
    assert "Bearer ********" in tested.text and "am_live_" not in tested.text
    with public_scope():
        assert ApiKey.objects.filter(tenant_id=alone.workspace.ref.id).count() == 1
