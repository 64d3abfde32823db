"""The kept price table, and what calls cost by it. Hand-made prices are exact in Decimal."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import automate_llm
from automate_llm.errors import UnknownPrice
from automate_llm.money import shown, to_micros
from automate_llm.prices import Price, Usage, find_price, find_price_problem
from automate_llm.prices.lookup import as_of

PACKAGE = Path(automate_llm.__file__).parent
TABLE: dict[str, Any] = json.loads((PACKAGE / "prices" / "table.json").read_text())
ROWS = [(provider["id"], model) for provider in TABLE["providers"] for model in provider["models"]]
TIERED = {
    "input": "3",
    "output": "15",
    "cached_input": "0.3",
    "tiers": [{"above_input_tokens": 200_000, "input": "6", "output": "22.5", "cached_input": "0.6"}],
}


@pytest.mark.parametrize(("provider", "row"), ROWS, ids=lambda part: part if isinstance(part, str) else part["id"])
def test_every_row_of_the_table_is_a_price(provider: str, row: dict[str, Any]) -> None:
    price = Price.parse(row)

    for tier in price.tiers:
        assert 0 <= tier.cached_input <= tier.input <= Decimal(200)
        assert 0 < tier.output <= Decimal(1000)
    assert row["match"]


def test_the_table_says_where_it_is_from_and_when() -> None:
    assert as_of() == TABLE["as_of"] >= "2026-11-22"
    assert "genai-prices" in TABLE["source"]
    assert len(ROWS) > 100


@pytest.mark.parametrize(("provider", "row"), ROWS, ids=lambda part: part if isinstance(part, str) else part["id"])
def test_a_model_is_found_by_its_own_name(provider: str, row: dict[str, Any]) -> None:
    exact = [rule["equals"] for rule in row["match"] if "equals" in rule]
    [hosts] = [known["hosts"] for known in TABLE["providers"] if known["id"] == provider]

    for name in exact:
        found = find_price(host=hosts[0], model=name)
        assert found.row["source"] == TABLE["source"]
        assert find_price_problem({**found.row, "model": name}) == ""


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(1_000, 200), "0.006"),
        (Usage(1_000, 200, cached_tokens=400), "0.00492"),
        (Usage(200_000, 0), "0.6"),
        (Usage(200_001, 1_000), "1.222506"),
        (Usage(0, 0), "0"),
        (Usage(1, 0), "0.000003"),
        (Usage(0, 0, cached_tokens=0), "0"),
        (Usage(1, 0, cached_tokens=1), "0.000001"),  # 0.3 of a micro-dollar: rounded up
    ],
)
def test_a_cost_is_exact_to_the_micro_dollar(usage: Usage, dollars: str) -> None:
    assert Price.parse(TIERED).cost_micros(usage) == to_micros(dollars)


@pytest.mark.parametrize("tokens", [0, 1, 199_999, 200_000, 200_001, 1_000_000])
def test_no_call_costs_more_than_its_ceiling(tokens: int) -> None:
    price = Price.parse(TIERED)
    ceiling = price.ceiling_micros(input_tokens=tokens, output_tokens=500)

    for cached in (0, tokens // 2, tokens):
        for written in (0, tokens - cached):
            assert price.cost_micros(Usage(tokens, 500, cached, written)) <= ceiling


def test_the_tenants_row_comes_first_and_may_name_a_host() -> None:
    rows = [{"model": "m", "host": "a.example", "input": 1, "output": 2}, {"model": "m", "input": 3, "output": 4}]

    assert find_price(host="a.example", model="m", rows=rows).tiers[0].input == 1
    assert find_price(host="b.example", model="m", rows=rows).tiers[0].input == 3


@pytest.mark.parametrize(
    ("host", "model"), [("api.openai.com", "gpt-1000-unheard-of"), ("proxy.example", "gpt-4o"), ("", "x")]
)
def test_an_unknown_price_is_an_error(host: str, model: str) -> None:
    with pytest.raises(UnknownPrice) as caught:
        find_price(host=host, model=model)
    assert caught.value.details == {"model": model, "host": host}


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"model": "m"},
        {"model": "m", "input": 1},
        {"model": "m", "input": -1, "output": 1},
        {"model": "m", "input": "much", "output": 1},
        {"model": "m", "input": float("nan"), "output": 1},
        {"model": "m", "input": 1, "output": True},
        {"model": "m", "input": 1, "output": 1, "tiers": [{}]},
        "m",
    ],
)
def test_a_row_that_is_no_price_is_explained(row: Any) -> None:
    assert find_price_problem(row)


def test_money_is_shown_as_people_write_it() -> None:
    assert [shown(micros) for micros in (0, 1, 9_999, 10_000, 9_980_000, 12_345_678_900)] == [
        "0.00",
        "0.000001",
        "0.009999",
        "0.01",
        "9.98",
        "12345.68",
    ]


def test_no_model_is_named_in_code() -> None:
    """Models come and go; only data names them."""
    families = {row["id"].split("-")[0] for _, row in ROWS} & {"gpt", "claude", "gemini", "grok", "llama", "mixtral"}
    assert families
    for file in PACKAGE.rglob("*.py"):
        text = file.read_text().lower()
        assert not [family for family in families if f"{family}-" in text], file
