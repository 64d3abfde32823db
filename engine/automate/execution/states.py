"""Every state and every move between them, in one place. A move that is not listed here does not happen.

Jobs: PENDING → CLAIMED → COMPLETED | PENDING | DEAD. A run job may be armed again later (COMPLETED → PENDING).
Runs: queued → running → waiting ⇄ running → succeeded | failed | cancelled; held waits for a person.
Steps: each attempt is a row: running → succeeded | failed | unknown | cancelled; waiting and skipped are recorded as
such.
"""

from __future__ import annotations

JOB = {
    "PENDING": {"CLAIMED", "DEAD"},
    "CLAIMED": {"COMPLETED", "PENDING", "DEAD"},
    "COMPLETED": {"PENDING"},
    "DEAD": {"PENDING"},
}
RUN = {
    "queued": {"running", "cancelled", "failed", "held"},
    "running": {"waiting", "held", "succeeded", "failed", "cancelled", "queued"},
    "waiting": {"running", "cancelled", "failed", "held"},
    "held": {"running", "queued", "cancelled", "failed"},
    "succeeded": set(),
    "failed": set(),
    "cancelled": set(),
}
STEP = {
    "queued": {"running", "skipped", "cancelled"},
    "running": {"succeeded", "failed", "waiting", "unknown", "cancelled"},
    "waiting": {"running", "succeeded", "failed", "unknown", "cancelled"},
    "unknown": {"succeeded", "failed"},
    "succeeded": set(),
    "failed": set(),
    "skipped": set(),
    "cancelled": set(),
}
EVENT = ("accepted", "duplicate")
MATCH = ("started", "no_match", "held", "skipped")

FINAL_RUN = frozenset(name for name, moves in RUN.items() if not moves)


class IllegalMove(Exception):
    """A state was about to follow one that it cannot follow: a fault of the engine, never of a workflow."""


def move(table: dict[str, set[str]], before: str, after: str) -> str:
    """`after`, if it may follow `before` (or is it). Raises IllegalMove.

    >>> move(RUN, "waiting", "running")
    'running'
    """
    if after != before and after not in table[before]:
        raise IllegalMove(f"{before} may not become {after}")
    return after
