"""Banners: which is shown first, what may be put away, and that an occurrence that returns is told again."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest

from automate_web.banners import Alert, Banner, Facts, Gravity, banners, weightiest

ALL = Facts(
    alerts=(Alert(100, "events", "2026-11"), Alert(80, "runs", "2026-11")),
    halted="The engine is paused in this workspace",
    is_stopped=True,
    delete_at=datetime(2026, 11, 29, tzinfo=UTC),
    unconfirmed="ada@example.com",
)


def gravities(found: list[Banner]) -> list[Gravity]:
    return [each.gravity for each in found]


def test_the_gravest_is_first_and_each_has_one_action() -> None:
    found = banners(ALL)

    assert gravities(found) == [
        Gravity.LIMIT_REACHED,
        Gravity.LIMIT_NEAR,
        Gravity.PAUSED,
        Gravity.STOPPED,
        Gravity.UNCONFIRMED,
    ]
    assert all(each.action and each.target for each in found)
    assert [each.is_grave for each in found] == [True, False, True, True, False]
    assert "will be deleted on 2026-11-29" in found[3].text


def test_what_is_grave_cannot_be_put_away() -> None:
    every = {each.key for each in banners(ALL)}

    assert gravities(banners(ALL, put_away=every)) == [Gravity.LIMIT_REACHED, Gravity.PAUSED, Gravity.STOPPED]


@pytest.mark.parametrize("later", [Alert(80, "runs", "2026-12"), Alert(80, "llm", "2026-11")])
def test_another_occurrence_is_told_again(later: Alert) -> None:
    put_away = {each.key for each in banners(Facts(alerts=(Alert(80, "runs", "2026-11"),)))}

    assert banners(Facts(alerts=(Alert(80, "runs", "2026-11"),)), put_away=put_away) == []
    assert len(banners(Facts(alerts=(later,)), put_away=put_away)) == 1


def test_of_several_limits_that_which_holds_events_is_told_whatever_their_order() -> None:
    alerts = [Alert(80, "events", "2026-11"), Alert(100, "events", "2026-11"), Alert(100, "llm", "2026-11")]

    assert {weightiest(order) for order in permutations(alerts)} == {alerts[1]}
    assert [each.text for each in banners(Facts(alerts=tuple(alerts)))] == [
        "All of the plan's Events are used: new events are accepted and held.",
        "All of the plan's LLM spend is used.",
    ]


def test_nothing_is_told_when_all_is_well() -> None:
    assert banners(Facts()) == []
