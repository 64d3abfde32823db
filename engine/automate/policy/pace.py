"""Pace: never more than N calls in any 60 seconds, and a place in the line for whoever must wait. Pure.

What counts is the moment a call is let through, by one clock. Whoever does not fit gets a ticket and the time to come
back; until then nobody who came later goes first. A ticket that is more than 5 s late has lost its place (its run was
cancelled, its worker stopped), so that nobody waits for one who never comes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from automate.policy.window import WINDOW_MS, Window

LATE_MS = 5_000
MAX_TICKETS = 500  # kept for one pattern; whoever comes after them is told a time and keeps no place


@dataclass
class Pace:
    """The state of one rate: what was let through, and who waits, in order."""

    used: Window = field(default_factory=Window)
    tickets: list[tuple[str, int]] = field(default_factory=list)  # (whose, when to come back in ms)

    def wait_ms(self, ticket: str, *, now_ms: int, limit: int, window_ms: int = WINDOW_MS) -> int:
        """0 when this call fits now, behind those who wait in front of it; else how long to wait. Changes nothing.

        >>> Pace(Window([(0, 1)])).wait_ms("a", now_ms=1_000, limit=1)
        59000
        """
        line = Window(list(self.used.entries))
        for other, back_at in self.tickets:
            if other == ticket:
                break
            at = line.earliest(now_ms=max(now_ms, back_at), limit=limit, window_ms=window_ms)
            line.admit(at, limit=limit)
        return line.earliest(now_ms=now_ms, limit=limit, window_ms=window_ms) - now_ms

    def let_through(self, ticket: str, *, now_ms: int, limit: int) -> None:
        """Count a call at `now_ms`."""
        self.used.admit(now_ms, limit=limit)
        self.tickets = [(other, at) for other, at in self.tickets if other != ticket]

    def keep_place(self, ticket: str, *, back_at_ms: int) -> None:
        """Note who comes back and when; whoever has a place keeps it."""
        for position, (other, _) in enumerate(self.tickets):
            if other == ticket:
                self.tickets[position] = (ticket, back_at_ms)
                return
        if len(self.tickets) < MAX_TICKETS:
            self.tickets.append((ticket, back_at_ms))

    def tidy(self, *, now_ms: int, window_ms: int = WINDOW_MS) -> None:
        """Drop what no longer counts, and who did not come."""
        self.used.forget(now_ms=now_ms, window_ms=window_ms)
        self.tickets = [(other, at) for other, at in self.tickets if at + LATE_MS > now_ms]

    def as_json(self) -> dict[str, Any]:
        return {"used": self.used.entries, "tickets": self.tickets}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Pace:
        return cls(
            Window([(int(at), int(count)) for at, count in state.get("used", ())]),
            [(str(ticket), int(at)) for ticket, at in state.get("tickets", ())],
        )
