"""What policy forbids is told at publishing, with its place; what only the run can know is not guessed."""

from __future__ import annotations

from typing import Any

import pytest

from automate.policy import Layer, Policy, Rules, merge, parse
from automate.policy.breaches import find_breaches


def tenant_policy(**document: Any) -> Policy:
    return merge([Layer("installation", Rules()), Layer("tenant", parse(document, layer="tenant"))])


def http(url: str, **more: Any) -> dict[str, Any]:
    return {"id": "a", "connector": "http", "action": "request", "params": {"url": url}, **more}


def told(definition: dict[str, Any], policy: Policy) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in find_breaches(definition, policy)]


def test_every_step_is_looked_at_wherever_it_stands() -> None:
    slack = {"id": "s", "connector": "slack", "action": "post"}
    log = {"id": "c", "connector": "core", "action": "log"}
    definition = {
        "steps": [{**slack, "compensate": slack}, {**log, "on_error": {"steps": [slack]}}],
        "finally": [slack],
    }

    assert told(definition, tenant_policy(connector_allowlist=["core"])) == [
        ("/steps/0/connector", "connector_not_allowed"),
        ("/steps/0/compensate/connector", "connector_not_allowed"),
        ("/steps/1/on_error/steps/0/connector", "connector_not_allowed"),
        ("/finally/0/connector", "connector_not_allowed"),
    ]


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("https://api.stripe.com/v1/{{ payload.id }}", False),
        ("https://api.paypal.com/v1/{{ payload.id }}", True),
        ("https://{{ payload.host }}/", False),
        ("{{ payload.url }}", False),
        ("$secret:HOOK_URL", False),
        ("http://10.0.0.1/", True),
        ("no url", False),
    ],
)
def test_a_host_that_stands_fast_is_checked(url: str, is_told: bool) -> None:
    found = told({"steps": [http(url)]}, tenant_policy(host_allowlist=["*.stripe.com"]))

    assert found == ([("/steps/0/params/url", "host_not_allowed")] if is_told else [])


def test_a_workflows_own_policy_is_checked_and_holds_for_it() -> None:
    own = {"steps": [http("https://api.stripe.com/")], "policy": {"host_allowlist": ["api.github.com"]}}

    assert told(own, tenant_policy()) == [("/steps/0/params/url", "host_not_allowed")]
    assert told({**own, "policy": {"webhook_rate": 5}}, tenant_policy()) == [("/policy/webhook_rate", "unknown_rule")]
