"""The three policies of the concepts page at once, from the sender's request to the outside world.

A gateway process accepts, a worker runs what was accepted, a server stands in for the model, another for the hosts.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from automate.models import ExecutionRun, StepRun
from automate.policy import save_policy, stored_policy
from automate.services import create_workflow, publish_version
from automate.services.secrets import create_secret
from automate_llm.models import Budget, Preferences
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench
from tests.support.llm_server import KEY, LLMServer, Reply
from tests.support.sink import Sink
from tests.web.gateway.conftest import Sender

PRICE = {"model": "stand-in-1", "input": 0, "output": 1000}  # a thousandth of a dollar for one token
POLICY = {"webhook_rate": 4, "llm_budget_daily": "5.00", "host_allowlist": ["127.0.0.1:*", "*.stripe.com"]}


def publish(sender: Sender, model: LLMServer, sink: Sink) -> None:
    foreign = {"method": "GET", "url": "{{ payload.url }}"}
    asked = {"provider": "openai_compatible", "model": "stand-in-1", "base_url": model.url, "max_tokens": 2_000}
    asked |= {"api_key": {"$secret": "MODEL_KEY"}, "prompt": "{{ payload.a }}"}
    definition = {
        "slug": "all-three",
        "name": "All three",
        "trigger": {"type": "webhook", "endpoint": "default"},
        "steps": [
            {"id": "ask", "connector": "llm", "action": "chat", "params": asked, "on_error": "continue"},
            {"id": "listed", "connector": "http", "action": "request", "params": {"method": "GET", "url": sink.url}},
            {"id": "foreign", "connector": "http", "action": "request", "params": foreign},
        ],
    }  # fmt: skip
    now = timezone.now()
    with tenant_scope(sender.workspace.ref):
        Preferences.objects.create(prices=[PRICE], updated_at=now)
        create_secret(name="MODEL_KEY", value=KEY, actor="system", now=now)
        workflow = create_workflow(definition=definition, actor="system", now=now)
        publish_version(workflow_id=workflow.id, expected_revision=1, actor="system", now=now)
        revision = stored_policy().revision
        save_policy(document=POLICY, expected_revision=revision, actor="user:1", now=now)


@pytest.mark.processes
def test_rate_budget_and_allowlist_hold_from_the_request_to_the_outside_world(
    transactional_db: None, alone: Sender, llm_server: LLMServer, http_sink: Sink, settings: Any
) -> None:
    settings.DJANGO_AUTOMATE = {
        **settings.DJANGO_AUTOMATE,
        "POLICY": {"private_targets": [llm_server.target, http_sink.target]},
    }
    llm_server.say = Reply(text="42", usage=(9, 2_000))
    publish(alone, llm_server, http_sink)

    answers = [alone.post(b'{"a": "What?", "url": "https://api.paypal.com/v1"}') for _ in range(6)]
    bench = Bench(alone.workspace.ref)
    bench.work()
    for _ in range(4):  # what asked while others were under way asks again, until they are settled
        bench.make_due()
        bench.work()

    assert [answer.status for answer in answers] == [202] * 4 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    with tenant_scope(alone.workspace.ref):
        runs = ExecutionRun.objects.filter(version__workflow__slug="all-three")
        statuses = Counter(runs.values_list("status", flat=True))
        attempts = StepRun.objects.filter(run_id__in=runs.values("pk")).order_by("attempt")
        latest = {(one.run_id, one.step_id): (one.step_id, one.status, one.error or {}) for one in attempts}
        outcomes = Counter((step_id, status, error.get("code", "")) for step_id, status, error in latest.values())
        reasons = {error["details"].get("reason") for step_id, _, error in latest.values() if step_id == "foreign"}
        spent = Budget.objects.get(scope="tenant").spent_micros
    assert statuses == {"failed": 4}
    assert outcomes == {
        ("ask", "succeeded", ""): 2,  # two dollars each
        ("ask", "failed", "budget_exceeded"): 2,  # a third would pass five
        ("listed", "succeeded", ""): 4,
        ("foreign", "failed", "egress_denied"): 4,
    }
    assert (len(llm_server.asked), spent) == (2, 4_000_000)
    assert reasons == {"host_allowlist"}
    assert len(http_sink.received) == 4  # the host that is listed
