"""The connector `core`: writes to the run's log, shapes data."""

from __future__ import annotations

import asyncio

import pytest

from automate_connectors.core import CoreAdapter
from automate_connectors.models import ConnectorError


def test_log_writes_to_the_runs_log_and_answers_with_the_message():
    lines = []
    context = {"log": lambda level, message: lines.append((level, message))}

    assert CoreAdapter().execute("log", {"message": "hi", "level": "warning"}, context) == {"message": "hi"}
    assert asyncio.run(CoreAdapter().aexecute("log", {"message": {"a": 1}}, context)) == {"message": '{"a": 1}'}
    assert lines == [("warning", "hi"), ("info", '{"a": 1}')]


@pytest.mark.parametrize(
    ("params", "output"),
    [
        ({"value": [1, 2]}, [1, 2]),
        ({"value": None}, None),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}),
        ({"value": 1, "other": 2}, {"value": 1, "other": 2}),
        ({}, {}),
    ],
)
def test_transform_answers_with_its_resolved_parameters(params, output):
    assert CoreAdapter().execute("transform", params, {}) == output


@pytest.mark.parametrize(("action", "params"), [("log", {}), ("log", {"message": "x", "level": "loud"}), ("shout", {})])
def test_what_cannot_be_done_is_an_error(action, params):
    with pytest.raises(ConnectorError):
        CoreAdapter().execute(action, params, {})


def test_both_actions_may_be_repeated():
    assert all(spec.may_repeat({}, {}) for spec in CoreAdapter.actions.values())
