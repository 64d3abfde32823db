"""The engine alone takes webhooks: over real HTTP, on both databases, from the request to what a workflow sends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.engine.automate.ingest.test_body import REFUSED
from tests.engine.plain.project import DATABASES, PYTHON, ROOT, Project
from tests.support.sink import Sink

pytestmark = pytest.mark.processes
KEY = "a key that only this test knows"
KEY_HASH = hashlib.sha256(KEY.encode()).hexdigest()
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
BIG = 10**300 + 1
HUGE = 2**63 + 12345

ENDPOINTS = """
from datetime import datetime, timezone
from automate import host
from automate.ingest import signing_secret
from automate.models import WebhookEndpoint
now = datetime.now(timezone.utc)
make = lambda slug, **more: WebhookEndpoint.objects.create(slug=slug, token="token-of-" + slug, created_at=now, **more)
make("keyed")
make("open", auth="none")
make("paused", is_active=False)
make("by-path", auth="none", dedupe_path="order.id", type_path="kind")
make("unset", auth="standard_webhooks")
signed = make("signed", auth="standard_webhooks")
answer = signing_secret.make()
signed.signing_secret = signing_secret.seal(host.current().data_key(), signed.id, answer)
signed.save()
"""

WORKFLOW = {
    "slug": "forward",
    "name": "Forward",
    "trigger": {"type": "webhook", "endpoint": "keyed"},
    "rule": {">": [{"var": "payload.n"}, 1e299]},
    "steps": [
        {
            "id": "send",
            "connector": "http",
            "action": "request",
            "idempotent": True,
            "params": {"method": "POST", "url": "TARGET/in", "json": {"n": "{{ payload.n }}", "m": "{{ payload.m }}"}},
        }
    ],
}

LOOK = """
from automate.models import Event, ExecutionRun, MatchDecision
answer = {
    "events": [(e.trace_id.hex, e.type, e.source) for e in Event.objects.all()],
    "runs": [(r.status, r.trace_id.hex, r.outputs["send"]["status"]) for r in ExecutionRun.objects.all()],
    "decisions": [(d.decision, d.reason) for d in MatchDecision.objects.all()],
}
"""

COUNT = "from automate.models import Dedupe, Event, OutboxJob\nanswer = [m.objects.count() for m in (Event, OutboxJob)]"


@dataclass(frozen=True)
class Site:
    """The plain project, served."""

    project: Project
    sink: Sink
    port: int
    signing_secret: str

    def post(self, slug: str, body: bytes, *, method: str = "POST", **headers: str) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {
            "content-type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        try:
            connection.request(method, f"/hooks/token-of-{slug}", body, sent)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def stored(self) -> list[int]:
        """How many events and how many jobs there are."""
        return list(self.project.script(COUNT))


@pytest.fixture(scope="module", params=DATABASES)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    make: Callable[[str], Project] = request.getfixturevalue("make_project")
    sink = Sink()
    plain = make(request.param)
    environment = {
        **plain.environment,
        "DJANGO_SETTINGS_MODULE": "tests.engine.plain.hook_settings",
        "HOOKS": json.dumps({"key_hash": KEY_HASH, "target": sink.target}),
    }
    project = Project(environment)
    project.manage("flush", "--no-input", "--verbosity", "0")
    secret = project.script(ENDPOINTS)
    served = subprocess.Popen(
        [PYTHON, "-m", "tests.engine.plain.serve"], cwd=ROOT, env=environment, stdout=subprocess.PIPE
    )
    assert served.stdout is not None
    try:
        yield Site(project, sink, int(served.stdout.readline()), secret)
    finally:
        served.terminate()
        served.wait(20)
        served.stdout.close()
        sink.close()


def test_what_a_webhook_brings_leaves_again_unchanged(site: Site, tmp_path: Any) -> None:
    """The trace goes through, integers keep every digit, and importing the same file twice makes one version."""
    file = tmp_path / "forward.json"
    file.write_text(json.dumps(WORKFLOW).replace("TARGET", site.sink.url))
    assert "created" in site.project.manage("automate_import", "--file", str(file))
    assert "unchanged" in site.project.manage("automate_import", "--file", str(file))

    status, accepted = site.post(
        "keyed",
        json.dumps({"n": BIG, "m": HUGE}).encode(),
        authorization=f"Bearer {KEY}",
        traceparent=f"00-{TRACE}-00f067aa0ba902b7-01",
    )
    small, _ = site.post("keyed", b'{"n": 1}', authorization=f"Bearer {KEY}")
    site.project.manage("automate_worker", "--once")

    assert (status, accepted["trace_id"], small) == (202, TRACE, 202)
    [sent] = site.sink.received
    assert json.loads(sent.body) == {"n": BIG, "m": HUGE}
    assert sent.headers["traceparent"].split("-")[1] == sent.headers["x-trace-id"] == TRACE
    assert len(sent.headers["idempotency-key"]) == 32
    seen = site.project.script(LOOK)
    assert [TRACE, "webhook.received", "webhook:keyed"] in seen["events"]
    assert seen["runs"] == [["succeeded", TRACE, 200]]
    assert sorted(seen["decisions"]) == [["no_match", "rule_false"], ["started", "rule_true"]]


def test_a_repeat_gets_the_first_ids(site: Site) -> None:
    first = site.post("open", b'{"a": 1}', webhook_id="msg_1")[1]
    events = site.stored()

    again = site.post("open", b'{"a": 1}', webhook_id="msg_1")
    other = site.post("open", b'{"a": 2}', webhook_id="msg_1")

    assert again == (202, {**first, "duplicate": True})
    assert other == (202, {**first, "duplicate": True, "body_differs": True})
    assert site.stored() == events


def test_an_endpoints_own_paths_name_type_and_key(site: Site) -> None:
    first = site.post("by-path", b'{"kind": "order.paid", "order": {"id": 12345678901234567890123}}')[1]
    again = site.post("by-path", b'{"order": {"id": 12345678901234567890123}}', idempotency_key="ignored")[1]
    other = site.post("by-path", b'{"order": {"id": 12345678901234567890124}}')[1]

    assert again["event_id"] == first["event_id"] != other["event_id"]
    query = f"from automate.models import Event\nanswer = Event.objects.get(pk='{first['event_id']}').type"
    assert site.project.script(query) == "order.paid"


def test_a_form_post_is_an_object(site: Site) -> None:
    form = {"content_type": "application/x-www-form-urlencoded"}
    status, accepted = site.post("open", b"name=Ada+L&tag=a&tag=b", **form)

    assert status == 202
    query = f"from automate.models import Event\nanswer = Event.objects.get(pk='{accepted['event_id']}').payload"
    assert site.project.script(query) == {"name": "Ada L", "tag": ["a", "b"]}


def test_a_signature_is_demanded_where_that_was_chosen(site: Site) -> None:
    body, now = b'{"signed": true}', int(time.time())
    key = base64.b64decode(site.signing_secret.removeprefix("whsec_"))

    def sign(raw: bytes, stamp: int) -> dict[str, str]:
        mac = hmac.digest(key, b"msg_9.%d." % stamp + raw, "sha256")
        signature = f"v1,{base64.b64encode(mac).decode()}"
        return {"webhook_id": "msg_9", "webhook_timestamp": str(stamp), "webhook_signature": signature}

    assert site.post("signed", body, **sign(body, now))[0] == 202
    refused = {
        "invalid_signature": site.post("signed", b'{"signed":true}', **sign(body, now)),
        "timestamp_out_of_tolerance": site.post("signed", body, **sign(body, now - 3600)),
        "missing_signature": site.post("signed", body),
        "signing_secret_missing": site.post("unset", body, **sign(body, now)),
    }
    assert {code: (status, answer["code"]) for code, (status, answer) in refused.items()} == {
        code: (401, code) for code in refused
    }


def test_whoever_may_not_send_is_told_so_and_nothing_is_stored(site: Site) -> None:
    before = site.stored()
    answers = {
        "missing_api_key": site.post("keyed", b"{}"),
        "invalid_api_key": site.post("keyed", b"{}", authorization="Bearer another key"),
        "endpoint_not_found": site.post("keye", b"{}"),
        "method_not_allowed": site.post("open", b"", method="GET"),
        "payload_too_large": site.post("open", b'"' + b"x" * 1024 * 1024 + b'"'),
    }

    assert {code: answer["code"] for code, (_, answer) in answers.items()} == {code: code for code in answers}
    assert [status for status, _ in answers.values()] == [401, 401, 404, 405, 413]
    assert all(set(answer) == {"code", "message", "details", "trace_id"} for _, answer in answers.values())
    assert site.stored() == before


def test_a_paused_endpoint_stores_and_its_job_waits(site: Site) -> None:
    before = site.stored()

    status, answer = site.post("paused", b'{"n": 1}', authorization=f"Bearer {KEY}")

    assert status == 202
    assert [now - then for now, then in zip(site.stored(), before, strict=True)] == [1, 1]
    due = "from automate.models import OutboxJob\nanswer = OutboxJob.objects.get(event_id='{}').available_at.year"
    assert site.project.script(due.format(answer["event_id"])) == 9999


def test_a_hostile_body_is_refused_with_its_code(site: Site) -> None:
    """One of each kind; what counts as which is the business of the ingest tests."""
    before = site.stored()
    bodies = {code: body for code, group in REFUSED.items() for body in group[-1:] if len(body) <= 1024 * 1024}

    got = {code: site.post("open", body) for code, body in bodies.items()}

    assert len(bodies) >= 5
    assert {code: (status, answer["code"]) for code, (status, answer) in got.items()} == {
        code: (400, code) for code in bodies
    }
    assert site.stored() == before


RENAME = (
    "from django.db import connection\nanswer = connection.cursor().execute('ALTER TABLE {} RENAME TO {}') and None"
)


def test_what_cannot_be_stored_is_told_to_come_back_and_leaves_nothing(site: Site) -> None:
    before = site.stored()
    site.project.script(RENAME.format("automate_outboxjob", "away"))
    try:
        status, answer = site.post("open", b'{"a": 1}', idempotency_key="later")
    finally:
        site.project.script(RENAME.format("away", "automate_outboxjob"))

    assert (status, answer["code"], answer["details"]) == (503, "storage_unavailable", {"retry_after": 2})
    assert site.stored() == before
    again = site.post("open", b'{"a": 1}', idempotency_key="later")
    assert (again[0], "duplicate" in again[1]) == (202, False)


def test_without_its_settings_no_key_opens_anything(site: Site) -> None:
    """A project that names no keys refuses everybody; it does not fall back to letting everybody in."""
    hooks = json.loads(site.project.environment["HOOKS"])
    project = Project({**site.project.environment, "HOOKS": json.dumps({**hooks, "key_hash": ""})})
    answer = project.script(
        "from django.test import Client\n"
        "reply = Client().post('/hooks/token-of-keyed', {}, 'application/json', HTTP_AUTHORIZATION='Bearer x')\n"
        "answer = [reply.status_code, reply.json()['code']]"
    )

    assert answer == [401, "invalid_api_key"]
