"""What a customer's repository tests its workflows with, and the reference page that follows the specs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automate.services.sample import sample_definition
from automate_connectors import registry
from automate_connectors.models import DuplicateConnector, UnknownConnector
from automate_connectors.reference import BUILT_IN, page
from automate_testing.workflows import assert_valid, load, matches, problems, stub_connector, why

DOCS = Path(__file__).parents[3] / "web" / "automate_web" / "docs"


@pytest.fixture
def orders(tmp_path):
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(sample_definition("https://echo.example.com/")))
    return load(file)


def test_a_definition_is_loaded_checked_and_tried(orders):
    assert_valid(orders)

    assert matches(orders, {"name": "Ann"})
    assert not matches(orders, {"skip": True})
    assert why(orders, {"skip": True})["matched"] is False
    assert matches({**orders, "rule": None}, {})
    assert not matches({**orders, "rule": {">": [{"var": "payload.name"}, 5]}}, {"name": "abc"})
    assert matches({**orders, "rule": {"==": [{"var": "event.type"}, "paid"]}}, {}, event={"type": "paid"})


def test_what_cannot_be_published_is_listed_with_its_place(orders):
    orders["steps"][1]["action"] = "requst"
    with pytest.raises(AssertionError, match=r"(?s)sample cannot be published:.*/steps/1/action: .*request"):
        assert_valid(orders)


@pytest.mark.parametrize(("text", "message"), [("{", "is no JSON"), ("[]", "holds no definition")])
def test_a_file_that_is_no_definition_says_so(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(AssertionError, match=message):
        load(tmp_path / "x.json")


def test_a_connector_that_is_not_here_can_be_stubbed(orders):
    orders["steps"][2] |= {"connector": "legacy_erp", "action": "create_order", "params": {"anything": 1}}
    assert [problem.code for problem in problems(orders)] == ["unknown_connector"]
    with stub_connector("legacy_erp", "create_order") as called:
        assert_valid(orders)
        registry.get("legacy_erp").execute("create_order", {"anything": 1}, {})

    assert called == [("create_order", {"anything": 1})]
    with pytest.raises(UnknownConnector):
        registry.get("legacy_erp")
    with pytest.raises(DuplicateConnector), stub_connector("http"):
        pass


def test_the_reference_page_is_what_the_connectors_declare():
    """To write it anew: `python -m automate_connectors.reference > web/automate_web/docs/connector-reference.md`."""
    assert (DOCS / "connector-reference.md").read_text() == page(BUILT_IN)


@pytest.mark.parametrize("code", BUILT_IN)
def test_every_field_of_a_built_in_has_a_title(code):
    for action, spec in registry.get(code).actions.items():
        for name, field in (*spec.inputs.items(), *spec.outputs.items()):
            assert field.get("title"), f"{code}.{action}: `{name}` has no title"
