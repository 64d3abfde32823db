"""Secrets in runs: who may, what the data may not, where values may go, and how soon a rotation counts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from automate.models import AuditLogEntry, ExecutionRun, RunWait, StepRun
from automate.services import secrets as services
from automate_governance.egress import EgressDenied, EgressPolicy, request_sync
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step
from tests.support.sink import Sink

VALUE = "canary-6d1f0a2b9c47"
OTHER = "canary-of-the-child-5e83"


@pytest.fixture
def sink(settings: Any) -> Iterator[Sink]:
    made = Sink()
    policy = {"private_targets": [made.target]}
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "POLICY": policy}
    yield made
    made.close()


def keep(bench: Bench, name: str = "KEY", value: str = VALUE, **more: Any) -> None:
    with tenant_scope(bench.ref):
        services.create_secret(name=name, value=value, actor="system", now=_now(), **more)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def denied(bench: Bench) -> list[tuple[str, str, str]]:
    """(rule, subject, code) of each denial that the audit log tells of."""
    with tenant_scope(bench.ref):
        told = AuditLogEntry.objects.filter(action="policy.deny").order_by("pk").values_list("details", flat=True)
        return [(details["rule"], details["subject"], details["code"]) for details in told]


def call(sink: Sink, **params: Any) -> dict[str, Any]:
    return step("call", "request", connector="http", params={"method": "GET", "url": sink.url, **params})


def test_a_stored_secret_reaches_the_receiver_and_no_row(bench: Bench, sink: Sink) -> None:
    keep(bench)
    bench.publish(call(sink, headers={"X-Key": {"$secret": "KEY"}}))
    bench.emit()

    bench.work()

    assert bench.run().status == "succeeded"
    assert sink.received[0].headers["x-key"] == VALUE
    assert VALUE not in bench.everything_stored()


def test_a_rotation_is_what_the_next_run_sends(bench: Bench, sink: Sink) -> None:
    keep(bench)
    bench.publish(call(sink, headers={"X-Key": {"$secret": "KEY"}}))
    bench.emit()
    bench.work()
    with tenant_scope(bench.ref):
        services.rotate_secret(name="KEY", value="the next value", actor="system", now=_now())
    bench.emit()

    bench.work()

    assert [got.headers["x-key"] for got in sink.received] == [VALUE, "the next value"]


def test_data_cannot_name_a_secret(bench: Bench, scripted: Any) -> None:
    """Neither as the text, nor as the object, nor as a part that becomes one."""
    keep(bench)
    bench.publish(
        step("a", params={"x": "{{ payload.text }}"}),
        slug="text",
    )
    bench.publish(step("a", params={"x": "{{ payload.object }}"}), slug="object")
    bench.publish(step("a", params={"x": "{{ payload.dollar }}secret:KEY"}), slug="glued")
    bench.emit({"text": "$secret:KEY", "object": {"$secret": "KEY"}, "dollar": "$"})

    bench.work()

    assert [run.status for run in bench.runs()] == ["failed"] * 3
    assert scripted.calls == []


def test_a_missing_secret_says_its_name(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a", params={"x": {"$secret": "NOT_THERE"}}))
    bench.emit()

    bench.work()

    error = bench.run().error or {}
    assert (error["code"], error["details"]) == ("secret_not_found", {"name": "NOT_THERE"})


def test_the_publishers_right_counts_at_run_time(bench: Bench, scripted: Any) -> None:
    from django.contrib.auth import get_user_model

    from automate_tenants.models import Membership

    keep(bench)
    user = get_user_model().objects.create_user(username="publisher")
    member = Membership.objects.create(user=user, tenant_id=bench.ref.id, role="builder", created_at=_now())
    bench.publish(step("a", params={"x": {"$secret": "KEY"}}), actor=f"user:{user.pk}")
    bench.emit()
    bench.work()

    member.role = "viewer"
    member.save()
    bench.emit()
    bench.work()

    first, second = bench.runs()
    assert (first.status, second.status) == ("succeeded", "failed")
    assert second.error is not None
    assert second.error["code"] == "secret_not_allowed"
    assert len(scripted.calls) == 1
    assert denied(bench) == [("secrets", "KEY", "secret_not_allowed")]


def test_a_secret_of_one_step_is_masked_in_the_next(bench: Bench, scripted: Any) -> None:
    """Also after a wait, when the run goes on in another claim."""
    from automate_connectors.models import ConnectorError

    keep(bench)
    answers: list[Any] = []

    def answer(params: Any, context: Any) -> Any:
        answers.append(context["secrets"])
        if context["step_id"] == "later" and len(answers) < 3:
            raise ConnectorError("try again", retryable=True)
        return {"seen": f"token={VALUE}; {base64.b64encode(VALUE.encode()).decode()} {VALUE.encode().hex()}"}

    scripted.script = staticmethod(answer)
    bench.publish(step("first", params={"x": {"$secret": "KEY"}}), step("later"))
    bench.emit()
    bench.work()
    bench.make_due()
    bench.work()

    assert bench.run().status == "succeeded"
    assert answers == [{"KEY": VALUE}, {}, {}]
    stored = bench.everything_stored()
    assert not [
        form for form in (VALUE, VALUE.encode().hex(), base64.b64encode(VALUE.encode()).decode()) if form in stored
    ]


@pytest.mark.parametrize("carried", ["header", "query", "json", "basic"])
def test_a_bound_secret_goes_to_its_host_only(bench: Bench, sink: Sink, carried: str) -> None:
    other = Sink()
    try:
        keep(bench, hosts=[other.target])
        secret = {"$secret": "KEY"}
        params = {
            "header": {"headers": {"X-Key": secret}},
            "query": {"query": {"k": secret}},
            "json": {"json": {"deep": [secret]}, "method": "POST"},
            "basic": {"headers": {"Authorization": secret}},
        }[carried]
        bench.publish(call(sink, **params))
        bench.emit()

        bench.work()
    finally:
        other.close()

    error = bench.run().error or {}
    assert (error["code"], error["details"]["reason"]) == ("egress_denied", "secret_host")
    assert sink.received == []


def test_a_bound_secret_that_a_step_passed_on_is_stopped_at_the_gate(bench: Bench, sink: Sink, scripted: Any) -> None:
    """The second step names no secret: its value came with the first one's answer."""
    keep(bench, hosts=["api.stripe.com"])
    scripted.script = staticmethod(lambda params, context: {"token": context["secrets"].get("KEY")})
    bench.publish(
        step("first", params={"x": {"$secret": "KEY"}}),
        call(sink, method="POST", body="prefix {{ steps.first.output.token }}"),
    )
    bench.emit()

    bench.work()

    error = bench.run().error or {}
    assert (error["code"], error["step"], error["details"]["reason"]) == ("egress_denied", "call", "secret_host")
    assert sink.received == []
    assert denied(bench) == [("secret_hosts", sink.target, "egress_denied")]


def test_its_own_host_gets_it(bench: Bench, sink: Sink) -> None:
    keep(bench, hosts=[sink.target])
    bench.publish(call(sink, headers={"Authorization": {"$secret": "KEY"}}))
    bench.emit()

    bench.work()

    assert bench.run().status == "succeeded"
    assert sink.received[0].headers["authorization"] == VALUE


def test_the_audit_log_knows_no_value(bench: Bench) -> None:
    keep(bench)
    with tenant_scope(bench.ref):
        [entry] = AuditLogEntry.objects.filter(action="secret.create")
        assert entry.details["name"] == "KEY"
        assert VALUE not in str(entry.details)


def test_the_gate_checks_every_encoding_of_what_is_sent(sink: Sink) -> None:
    from automate_governance.egress import bound_secrets
    from automate_governance.secrets import SecretValue

    policy = EgressPolicy(private_targets=(sink.target,))
    raw = 'p@ss/w"ord+ü&=value'.encode()
    bodies = [
        raw, b"xx" + base64.b64encode(b"user:" + raw), base64.urlsafe_b64encode(b"a" + raw), raw.hex().encode(),
        b'{"a": "p@ss/w\\"ord+\\u00fc&=value"}', b"k=p%40ss%2Fw%22ord%2B%C3%BC%26%3Dvalue",
    ]  # fmt: skip
    with bound_secrets([SecretValue(raw.decode(), ("api.stripe.com",))]):
        for body in bodies:
            with pytest.raises(EgressDenied, match="secret"):
                request_sync("POST", sink.url, policy=policy, body=body)
        with pytest.raises(EgressDenied, match="secret"):
            request_sync("GET", sink.url, policy=policy, headers={"X": base64.b64encode(raw).decode()})
        allowed = request_sync("POST", sink.url, policy=policy, body=b"nothing of it")
    after = request_sync("POST", sink.url, policy=policy, body=bodies[0])

    assert (allowed.status, after.status, len(sink.received)) == (200, 200, 2)


def test_a_connection_that_is_not_http_is_refused_whatever_it_would_carry() -> None:
    from automate_governance.egress import bound_secrets, checked_addresses
    from automate_governance.secrets import SecretValue

    policy = EgressPolicy(allow_ssrf=True, host_allowlist=("*",))
    elsewhere = bound_secrets([SecretValue("a password", ("db.example.com:5432",))])
    with elsewhere, pytest.raises(EgressDenied, match="secret"):
        checked_addresses("postgresql", "127.0.0.1", 5432, policy=policy)
    with bound_secrets([SecretValue("a password", ("127.0.0.1:5432",))]):
        assert checked_addresses("postgresql", "127.0.0.1", 5432, policy=policy) == ["127.0.0.1"]


def test_a_secret_is_masked_in_what_a_person_is_asked_and_in_what_a_child_does_and_gives(
    bench: Bench, scripted: Any
) -> None:
    """The connector gives the secret back, and the workflow passes it on as data."""
    keep(bench)
    keep(bench, name="OTHER", value=OTHER)
    given: list[Any] = []

    def answer(params: Any, context: Any) -> Any:
        given.append(params.get("x"))
        return {"seen": context["secrets"].get("KEY") or context["secrets"].get("OTHER") or params.get("x", "")}

    scripted.script = staticmethod(answer)
    bench.publish(
        step("a", params={"x": "{{ payload.x }}"}),
        step("b", params={"y": {"$secret": "OTHER"}}, needs=["a"]),
        slug="child",
        rule={"==": [1, 2]},
    )
    call = {"workflow": "child", "payload": {"x": "of {{ steps.first.output.seen }}"}}
    asked = {"message": "Send {{ steps.first.output.seen }}?", "approvers": ["x@example.com"]}
    bench.publish(
        step("first", params={"x": {"$secret": "KEY"}}),
        step("call", action="run_workflow", connector="core", params=call, needs=["first"]),
        step("ask", action="approve", connector="core", params=asked, needs=["call"]),
    )
    bench.emit()
    bench.work()

    with tenant_scope(bench.ref):
        rows = [*StepRun.objects.values(), *ExecutionRun.objects.values(), *RunWait.objects.values()]
    stored = json.dumps(rows, default=str)
    assert f"of {VALUE}" in given
    assert "Send ********?" in stored
    assert '"outputs": {"a": {"seen": "of ********"}, "b": {"seen": "********"}}' in stored
    assert VALUE not in stored
    assert OTHER not in stored
