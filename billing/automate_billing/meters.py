"""Meters: what is counted of a workspace, and what one unit of each is.

events   an event that was accepted; repeats with the same key and refused requests are free
runs     a run that began, whoever started it; dry runs and backtests are free
steps    a step, or an item of a fan-out, that began; skipped ones and repeated attempts are free
llm      what calls of language models cost, in micro-dollars
storage  bytes on disk at the latest look: a level, not a sum
held     events that wait because the plan's limit was reached: also a level, kept as a sum of ups and downs
"""

from __future__ import annotations

from dataclasses import dataclass

EVENTS, RUNS, STEPS, LLM, STORAGE, HELD = "events", "runs", "steps", "llm", "storage", "held"


@dataclass(frozen=True)
class Meter:
    """One meter as people see it."""

    code: str
    label: str
    what: str  # a unit counts when …
    at_limit: str  # what happens when the plan's limit is reached
    is_level: bool = False  # the latest value counts, not the sum of the days
    holds: bool = False  # at its limit, new events are held


METERS = (
    Meter(
        EVENTS,
        "Events",
        "Each event that was accepted. Repeats with the same key, refused requests and held events are free.",
        "New events are accepted and held, and run when the period turns or the plan changes. None is dropped.",
        holds=True,
    ),
    Meter(
        RUNS,
        "Runs",
        "Each run that began. Dry runs and backtests are free.",
        "What runs goes on to its end. New events are accepted and held.",
        holds=True,
    ),
    Meter(
        STEPS,
        "Steps",
        "Each step that began, and each item of a fan-out. Skipped steps and repeated attempts are free.",
        "What runs goes on to its end. New events are accepted and held.",
        holds=True,
    ),
    Meter(
        LLM,
        "LLM spend",
        "What calls of language models cost, by the price table.",
        "We tell you; the daily budget is what stops calls.",
    ),
    Meter(
        STORAGE,
        "Storage",
        "Bytes on disk of everything that is kept of this workspace.",
        "We tell you; nothing stops.",
        is_level=True,
    ),
)
BY_CODE = {meter.code: meter for meter in METERS}
HOLDING = tuple(meter.code for meter in METERS if meter.holds)
