"""How much a run may keep: 1 MiB of each step, 16 MiB of all together."""

from __future__ import annotations

import pytest

from automate.execution.results import MAX_OUTPUT_BYTES, MAX_STATE_BYTES, OutputTooLarge, Results, StateTooLarge
from automate.execution.schedule import Unit


def test_a_run_keeps_sixteen_mebibytes_and_not_a_byte_more() -> None:
    results = Results()
    text = "x" * MAX_OUTPUT_BYTES
    for number in range(MAX_STATE_BYTES // MAX_OUTPUT_BYTES):
        results.check(text)
        results.succeeded(Unit("fan", number + 1), None, "null", len(text))

    with pytest.raises(StateTooLarge) as refused:
        results.check("x")
    assert refused.value.details == {"bytes": MAX_STATE_BYTES + 1, "limit": MAX_STATE_BYTES}


def test_a_step_keeps_one_mebibyte_counted_as_bytes() -> None:
    results = Results()
    results.check("é" * (MAX_OUTPUT_BYTES // 2))

    with pytest.raises(OutputTooLarge):
        results.check("é" * (MAX_OUTPUT_BYTES // 2) + "x")
