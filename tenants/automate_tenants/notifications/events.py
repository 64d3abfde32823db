"""What is told in the transaction in which it happens: switches that were turned, people who joined."""

from __future__ import annotations

from datetime import datetime

from automate_tenants.notifications import kinds
from automate_tenants.notifications.making import notify


def tell_halt(place: str, *, halted: bool, now: datetime, reason: str = "") -> None:
    """`place`: "here" or "everywhere". Told by members' own channels, which the switch does not stop."""
    where = "in this workspace" if place == "here" else "for the whole installation"
    words = "Events are taken in and kept; nothing runs until it goes on."
    notify(
        kind=kinds.PAUSED,
        key=f"halt:{place}:{halted}:{now.isoformat()}",
        subject=f"halt:{place}",
        title=f"The engine is paused {where}" if halted else f"The engine goes on {where}",
        text=" ".join(filter(None, [reason and f"Because: {reason}.", words])) if halted else "What waited runs now.",
        path="/governance/kill-switch/",
        details={"place": place, "is_halted": halted, "reason": reason},
        now=now,
    )


def tell_joined(*, invitation_id: int, email: str, role: str, now: datetime) -> None:
    """An invitation was accepted."""
    notify(
        kind=kinds.INVITATION,
        key=f"invitation-accepted:{invitation_id}",
        subject=f"invitation:{invitation_id}",
        title=f"{email} has joined",
        text=f"The invitation was accepted; the role is {role}.",
        path="/team/",
        details={"email": email, "role": role},
        now=now,
    )
