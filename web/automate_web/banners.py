"""Banners: what every page says above its content, one at a time, the gravest first.

Each has one action. A grave one stays until what it tells of is over; another can be put away by each member, for this
occurrence: a limit that is near again next month is told again. The others are counted beside the one that is shown,
and the page Notifications lists them all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from automate_billing.meters import BY_CODE, LLM, STORAGE

PREFIX = "banner:"  # of the keys under which members put banners away


class Gravity(IntEnum):
    """The order in which banners are shown; the first that holds is."""

    PAYMENT_FAILED = 1  # nobody says it yet: payment comes with Billing
    LIMIT_REACHED = 2
    LIMIT_NEAR = 3
    PAUSED = 4
    STOPPED = 5  # suspended or being deleted
    UNCONFIRMED = 6


@dataclass(frozen=True)
class Banner:
    """One sentence and one action. `key` names the occurrence; `needs` is the permission that the action needs."""

    gravity: Gravity
    key: str
    text: str
    action: str  # the label
    target: str  # the page's name in the URLconf, or a path of the app's host where it begins with "/"
    needs: str = ""
    is_grave: bool = False
    more: str = ""  # the doc page that says what it means
    icon: str = "warning"
    anchor: str = ""  # on the page of the action


@dataclass(frozen=True)
class Alert:
    """A threshold of the plan that was passed in this period."""

    percent: int
    meter: str
    period: str


@dataclass(frozen=True)
class Facts:
    """What the banners follow from; all of it of this moment, this workspace and this member."""

    alerts: tuple[Alert, ...] = ()
    halted: str | None = None  # why nothing runs
    delete_at: datetime | None = None
    is_stopped: bool = False
    unconfirmed: str = ""  # the e-mail address that is not confirmed


def banners(facts: Facts, *, put_away: Collection[str] = ()) -> list[Banner]:
    """Those that hold and were not put away, the gravest first.

    >>> [each.gravity.name for each in banners(Facts(halted="Paused.", alerts=(Alert(80, "runs", "2026-11"),)))]
    ['LIMIT_NEAR', 'PAUSED']
    """
    found = [*_limits(facts.alerts), *_paused(facts), *_stopped(facts), *_unconfirmed(facts)]
    shown = [each for each in found if each.is_grave or each.key not in put_away]
    return sorted(shown, key=lambda each: each.gravity)


def usage_words(alert: Alert) -> str:
    """
    >>> usage_words(Alert(100, "events", "2026-11"))
    "All of the plan's Events are used: new events are accepted and held."
    >>> usage_words(Alert(80, "llm", "2026-11"))
    "80 % of the plan's LLM spend is used."
    """
    meter = BY_CODE[alert.meter]
    verb = "is" if meter.code in (LLM, STORAGE) else "are"
    if alert.percent < 100:
        return f"{alert.percent} % of the plan's {meter.label} {verb} used."
    end = ": new events are accepted and held." if meter.holds else "."
    return f"All of the plan's {meter.label} {verb} used{end}"


def weightiest(alerts: Iterable[Alert]) -> Alert | None:
    """What holds events before what does not, then the highest."""
    return max(alerts, key=lambda one: (_holds(one), one.percent, one.meter), default=None)


def _limits(alerts: tuple[Alert, ...]) -> Iterable[Banner]:
    reached, near = weightiest(filter(_holds, alerts)), weightiest(one for one in alerts if not _holds(one))
    for alert, gravity in ((reached, Gravity.LIMIT_REACHED), (near, Gravity.LIMIT_NEAR)):
        if alert is not None and not (gravity is Gravity.LIMIT_NEAR and reached and reached.meter == alert.meter):
            yield Banner(
                gravity,
                f"{PREFIX}usage:{alert.period}:{alert.meter}:{alert.percent}",
                usage_words(alert),
                "Usage",
                "usage",
                "automate.view_billing",
                is_grave=gravity is Gravity.LIMIT_REACHED,
                more="usage",
            )


def _holds(alert: Alert) -> bool:
    return alert.percent >= 100 and BY_CODE[alert.meter].holds


def _paused(facts: Facts) -> Iterable[Banner]:
    if facts.halted:
        why = facts.halted if facts.halted.endswith(".") else f"{facts.halted}."
        words = f"{why} Events are taken in and kept; nothing runs until it goes on."
        yield Banner(
            Gravity.PAUSED,
            f"{PREFIX}paused",
            words,
            "Kill switch",
            "halts",
            "automate.pause_engine",
            is_grave=True,
            more="kill-switch",
            icon="pause",
        )


def _stopped(facts: Facts) -> Iterable[Banner]:
    if facts.is_stopped:
        when = f"will be deleted on {facts.delete_at:%Y-%m-%d}" if facts.delete_at else "is suspended"
        words = f"This workspace {when}: nothing runs and no event is taken in."
        yield Banner(Gravity.STOPPED, f"{PREFIX}stopped", words, "Workspaces", "/workspaces/", is_grave=True)


def _unconfirmed(facts: Facts) -> Iterable[Banner]:
    if facts.unconfirmed:
        words = "Your e-mail address is not confirmed: events after the first 100 are stored and wait."
        key = f"{PREFIX}email:{facts.unconfirmed}"[:200]
        yield Banner(Gravity.UNCONFIRMED, key, words, "Enter the code", "start", anchor="#email")
