"""The strictest layer wins, and every answer says whose it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automate.policy import InvalidPolicy, Layer, Policy, Rules, check_step, find_policy_problems, merge, parse
from automate_governance.egress import EgressDenied, parse_target


def policy(**layers: dict[str, Any]) -> Policy:
    ceiling = Layer("installation", parse(layers.pop("installation", {}), layer="installation"))
    return merge((ceiling, *(Layer(name, parse(rules, layer=name), key="w") for name, rules in layers.items())))


@pytest.mark.parametrize(
    ("layers", "value", "layer"),
    [
        ({"installation": {"webhook_rate": 100}}, 100, "installation"),
        ({"installation": {"webhook_rate": 100}, "tenant": {"webhook_rate": 500}}, 100, "installation"),
        ({"installation": {"webhook_rate": 100}, "tenant": {"webhook_rate": 50}}, 50, "tenant"),
        ({"plan": {"webhook_rate": 70}, "tenant": {"webhook_rate": 70}}, 70, "plan"),
    ],
)
def test_a_limit_is_the_smallest_of_all_layers(layers: dict[str, Any], value: int, layer: str) -> None:
    limit = policy(**layers).limit("webhook_rate")

    assert limit is not None
    assert (limit.value, limit.layer) == (value, layer)


def test_what_no_layer_limits_is_unlimited() -> None:
    assert policy(tenant={"webhook_rate": 5}).limit("api_rate") is None
    assert policy().llm_budget_daily is None


def test_a_budget_is_the_smallest_and_exact() -> None:
    found = policy(installation={"llm_budget_daily": 10.0}, tenant={"llm_budget_daily": "5.10"}).llm_budget_daily

    assert found == (Decimal("5.10"), "tenant")


def test_held_only_where_no_layer_with_a_rate_says_reject() -> None:
    hold = {"webhook_rate": 5, "over_limit": "hold"}

    assert policy(tenant=hold).over_limit == "hold"
    assert policy(plan={"webhook_rate": 9}, tenant=hold).over_limit == "reject"
    assert policy(tenant={"over_limit": "hold"}).over_limit == "reject"


def test_an_endpoint_has_its_own_rate_or_that_of_each() -> None:
    rates = policy(plan={"endpoint_rates": {"*": 50}}, tenant={"endpoint_rates": {"orders": 80, "mail": 5}})

    assert [
        (limit.value, limit.layer) for slug in ("orders", "mail", "other") if (limit := rates.endpoint_limit(slug))
    ] == [
        (50, "plan"),
        (5, "tenant"),
        (50, "plan"),
    ]


@pytest.mark.parametrize(
    ("entries", "allowed", "denied"),
    [
        (["*"], ["http.request", "core.log"], []),
        (["http"], ["http.request"], ["core.log", "https.request"]),
        (["http.*"], ["http.request"], ["core.log"]),
        (["core.log"], ["core.log"], ["core.transform", "http.request"]),
        ([], [], ["core.log"]),
    ],
)
def test_a_connector_allowlist_names_connectors_and_actions(
    entries: list[str], allowed: list[str], denied: list[str]
) -> None:
    mine = policy(tenant={"connector_allowlist": entries})

    for name in (*allowed, *denied):
        decision = check_step(mine, connector=name.split(".")[0], action=name.split(".")[1])
        assert decision.kind == ("allow" if name in allowed else "deny")
        assert decision.layer == ("" if name in allowed else "tenant")


def test_every_layer_must_allow_a_connector_and_the_highest_is_told() -> None:
    both = policy(installation={"connector_allowlist": ["core"]}, workflow={"connector_allowlist": ["http"]})

    assert check_step(both, connector="http", action="request").layer == "installation"
    assert check_step(both, connector="core", action="log").layer == "workflow"


@pytest.mark.parametrize(
    ("url", "layer"),
    [
        ("https://api.stripe.com/", None),
        ("https://stripe.com/", "installation"),
        ("https://api.stripe.com:8443/", "installation"),
        ("https://files.stripe.com/", "tenant"),
        ("https://api.stripe.com.evil.example/", "installation"),
        ("https://api.ѕtripe.com/", "installation"),  # a Cyrillic letter
    ],
)
def test_every_layers_host_allowlist_must_name_the_target(url: str, layer: str | None) -> None:
    egress = policy(
        installation={"host_allowlist": ["*.stripe.com"]}, tenant={"host_allowlist": ["api.stripe.com"]}
    ).egress

    if layer is None:
        egress.check_host(parse_target(url))
        return
    with pytest.raises(EgressDenied) as raised:
        egress.check_host(parse_target(url))
    assert raised.value.details["layer"] == layer


def test_the_most_specific_pattern_of_each_layer_counts_a_call() -> None:
    rates = policy(
        tenant={"outbound_rates": {"*": 500, "*.stripe.com": 100, "api.stripe.com": 20}},
        workflow={"outbound_rates": {"*.stripe.com": 5}},
    )

    found = rates.host_rates(parse_target("https://api.stripe.com/v1"))

    assert [(rate.layer, rate.key, rate.pattern, rate.per_minute) for rate in found] == [
        ("tenant", "w", "api.stripe.com", 20),
        ("workflow", "w", "*.stripe.com", 5),
    ]


@pytest.mark.parametrize(
    ("document", "layer", "path"),
    [
        ({"webhook_rates": 1}, "tenant", "/webhook_rates"),
        ({"allow_ssrf": True}, "tenant", "/allow_ssrf"),
        ({"private_targets": ["127.0.0.1:80"]}, "plan", "/private_targets"),
        ({"webhook_rate": 5}, "workflow", "/webhook_rate"),
        ({"webhook_rate": 0}, "tenant", "/webhook_rate"),
        ({"webhook_rate": True}, "tenant", "/webhook_rate"),
        ({"webhook_rate": 1.5}, "tenant", "/webhook_rate"),
        ({"over_limit": "drop"}, "tenant", "/over_limit"),
        ({"connector_allowlist": "http"}, "tenant", "/connector_allowlist"),
        ({"connector_allowlist": ["core", "Http Request"]}, "tenant", "/connector_allowlist/1"),
        ({"host_allowlist": ["api.stripe.com", "https://x"]}, "tenant", "/host_allowlist/1"),
        ({"host_allowlist": ["*.*.com"]}, "tenant", "/host_allowlist/0"),
        ({"outbound_rates": {"a b": 5}}, "tenant", "/outbound_rates/a b"),
        ({"outbound_rates": {"api.stripe.com": -1}}, "tenant", "/outbound_rates/api.stripe.com"),
        ({"endpoint_rates": {"or/ders": 5}}, "tenant", "/endpoint_rates/or~1ders"),
        ({"llm_budget_daily": "much"}, "tenant", "/llm_budget_daily"),
        ({"llm_budget_daily": "NaN"}, "tenant", "/llm_budget_daily"),
        ({"private_targets": ["localhost"]}, "installation", "/private_targets/0"),
    ],
)
def test_a_wrong_rule_is_told_with_its_place(document: dict[str, Any], layer: str, path: str) -> None:
    assert [problem.path for problem in find_policy_problems(document, layer=layer)] == [path]
    with pytest.raises(InvalidPolicy):
        parse(document, layer=layer)


_RATES = st.none() | st.integers(1, 1000)


@given(st.lists(_RATES, min_size=1, max_size=4))
def test_no_layer_can_loosen_what_another_set(rates: list[int | None]) -> None:
    names = ("installation", "plan", "tenant", "workflow")
    merged = merge([Layer(name, Rules(api_rate=rate)) for name, rate in zip(names, rates, strict=False)])

    limit = merged.limit("api_rate")
    assert (limit.value if limit else None) == min((rate for rate in rates if rate is not None), default=None)
