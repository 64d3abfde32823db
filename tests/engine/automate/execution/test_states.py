"""The table of states: what may follow what, and that the models know exactly these states."""

from __future__ import annotations

import pytest

from automate.execution import states
from automate.models import ExecutionRun, MatchDecision, OutboxJob, StepRun


@pytest.mark.parametrize(
    ("table", "choices"),
    [(states.JOB, OutboxJob.Status), (states.RUN, ExecutionRun.Status), (states.STEP, StepRun.Status)],
)
def test_the_models_have_exactly_the_states_of_the_table(table: dict[str, set[str]], choices: type) -> None:
    values = set(choices.values)  # type: ignore[attr-defined]
    assert set(table) == values
    assert set().union(*table.values()) <= values


def test_decisions_have_exactly_the_states_of_the_table() -> None:
    assert tuple(MatchDecision.Decision.values) == states.MATCH


@pytest.mark.parametrize("final", sorted(states.FINAL_RUN))
def test_nothing_follows_a_final_run(final: str) -> None:
    for after in set(states.RUN) - {final}:
        with pytest.raises(states.IllegalMove):
            states.move(states.RUN, final, after)


def test_a_recorded_result_is_final() -> None:
    with pytest.raises(states.IllegalMove):
        states.move(states.STEP, "succeeded", "running")
