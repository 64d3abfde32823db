"""Whatever a connector answers becomes JSON that PostgreSQL and every reader hold; ordinary answers do not change."""

from __future__ import annotations

import enum
import json
import math
from collections import OrderedDict
from datetime import datetime, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automate_governance.storable import MAX_DEPTH, TOO_DEEP, storable


class Colour(enum.IntEnum):
    RED = 7


class Thing:
    def __repr__(self) -> str:
        return "Thing(password='hunter2')"


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ({"a": [1, 2.5, "x", None, True]}, {"a": [1, 2.5, "x", None, True]}),
        ("a\x00b", "a\ufffdb"),
        ("\ud83d", "\ufffd"),
        ("\U0001f600", "\U0001f600"),
        ({"a\x00": "\udc00"}, {"a\ufffd": "\ufffd"}),
        (float("nan"), "NaN"),
        ([math.inf, -math.inf], ["Infinity", "-Infinity"]),
        (2**63, 2**63),
        (2**64, "18446744073709551616"),
        (-(2**63) - 1, "-9223372036854775809"),
        pytest.param(10**5000, f"[integer of {(10**5000).bit_length()} bits]", id="huge"),
        ({1: "a", None: "b", 2.5: "d"}, {"1": "a", "null": "b", "2.5": "d"}),
        ({True: "c"}, {"true": "c"}),
        ((1, 2), [1, 2]),
        (b"text", "text"),
        (b"\xff\xfe", "//4="),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2026, 11, 21, tzinfo=timezone.utc), "2026-11-21T00:00:00+00:00"),
        (OrderedDict(a=Colour.RED), {"a": 7}),
        ({"x": Thing()}, {"x": "<Thing>"}),
    ],
)
def test_each_kind_of_value_has_its_stored_form(value, stored):
    assert storable(value) == stored


def test_text_that_spells_an_escape_is_left_alone():
    assert storable({"a": "\\u0000"}) == {"a": "\\u0000"}


def test_the_copy_shares_nothing_with_the_original():
    original = {"a": [1]}
    copy = storable(original)
    copy["a"].append(2)

    assert original == {"a": [1]}


def test_too_deep_and_self_containing_values_end():
    deep: object = "end"
    for _ in range(5000):
        deep = [deep]
    loop: list[object] = []
    loop.append(loop)

    assert json.dumps(storable(deep)) == "[" * MAX_DEPTH + f'"{TOO_DEEP}"' + "]" * MAX_DEPTH
    assert TOO_DEEP in json.dumps(storable(loop))


def test_a_value_over_the_cap_is_replaced_whole():
    assert storable({"a": "x" * 100}, max_bytes=100) == {"$too_large": {"bytes": 108, "limit_bytes": 100}}
    assert storable({"a": "x" * 92}, max_bytes=100) == {"a": "x" * 92}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(json_values)
def test_the_result_is_always_strict_json_that_jsonb_takes(value):
    stored = storable(value)
    text = json.dumps(stored, allow_nan=False, ensure_ascii=False)

    assert "\x00" not in text.encode().decode()
    assert "\\u0000" not in text.replace("\\\\", "")
    assert storable(stored) == stored
