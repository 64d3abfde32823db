"""What each member chose: which kinds reach them where. What nobody chose follows from the role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from automate.services import audit
from automate_governance.errors import Invalid
from automate_tenants.models import Membership
from automate_tenants.notifications.kinds import BY_CODE, Kind, by_default, for_role
from automate_tenants.notifications.models import Channel, Choice
from automate_tenants.permissions import role_allows


@dataclass(frozen=True)
class Wanted:
    """One kind, and where its member hears of it."""

    kind: Kind
    in_app: bool
    email: bool
    webhook: bool


def wants(kind: Kind, channel: str, role: str, chosen: bool | None) -> bool:
    """Whether a member hears of it there. `chosen`: their word, None where they said nothing."""
    if not role_allows(role, kind.sees):
        return False
    return by_default(kind, channel, role) if chosen is None else chosen


def of_kind(kind: str, channel: str) -> dict[int, bool]:
    """Every member's word about one kind and channel, by the user's id."""
    return dict(Choice.objects.filter(kind=kind, channel=channel).values_list("user_id", "is_on"))


def of_member(member: Membership) -> list[Wanted]:
    """All kinds that the member may hear of."""
    rows = Choice.objects.filter(user_id=member.user_id).values_list("kind", "channel", "is_on")
    chosen = {(kind, channel): is_on for kind, channel, is_on in rows}
    return [
        Wanted(
            kind,
            **{
                channel.value: wants(kind, channel, member.role, chosen.get((kind.code, channel.value)))
                for channel in Channel
            },
        )
        for kind in for_role(member.role)
    ]


@transaction.atomic
def choose(*, member: Membership, wanted: Mapping[str, Mapping[str, bool]], now: datetime, actor: str = "") -> None:
    """`wanted`: {kind: {channel: whether}}; what is not said stays. Raises Invalid for an unknown one."""
    known = {kind.code for kind in for_role(member.role)}
    wrong = sorted({*wanted} - known) + sorted({way for ways in wanted.values() for way in ways} - {*Channel.values})
    if wrong:
        words = f"You are told nothing of the kind or by the channel {wrong[0]!r}."
        raise Invalid(words, details={"param": "kinds", "known": sorted(known), "channels": Channel.values})
    before = {one.kind.code: one for one in of_member(member)}
    changed = {
        f"{kind}.{channel}": is_on
        for kind, ways in wanted.items()
        for channel, is_on in ways.items()
        if getattr(before[kind], channel) != is_on
    }
    for name, is_on in changed.items():
        kind, _, channel = name.partition(".")
        key: dict[str, Any] = {"user_id": member.user_id, "kind": kind, "channel": channel}
        if is_on == by_default(BY_CODE[kind], channel, member.role):
            Choice.objects.filter(**key).delete()
        else:
            Choice.objects.update_or_create(**key, defaults={"is_on": is_on})
    if changed:
        who = f"user:{member.user_id}"
        audit.record(actor=actor or who, action="notifications.choose", resource=who, details=changed, now=now)
