"""Tickets between hosts: one use, one minute, one workspace, one person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automate_tenants.handover import (
    TICKET_LIFE,
    InvalidTicket,
    issue_ticket,
    new_latch,
    redeem_ticket,
    seal_of,
)
from automate_tenants.models import HandoverTicket, Membership
from tests.support.workspaces import Workspace

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATCH = new_latch()
SEAL = seal_of(LATCH)
pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(tenant_a: Workspace, db: None) -> str:
    return issue_ticket(tenant_a.owner.pk, tenant_a.ref.id, NOW, seal=SEAL)


def test_a_ticket_lets_its_person_in_once(ticket: str, tenant_a: Workspace) -> None:
    assert redeem_ticket(ticket, tenant_a.ref.id, NOW + timedelta(seconds=59), latch=LATCH) == tenant_a.owner.pk
    with pytest.raises(InvalidTicket):
        redeem_ticket(ticket, tenant_a.ref.id, NOW, latch=LATCH)


def test_a_ticket_dies_after_a_minute(ticket: str, tenant_a: Workspace) -> None:
    with pytest.raises(InvalidTicket):
        redeem_ticket(ticket, tenant_a.ref.id, NOW + TICKET_LIFE, latch=LATCH)


def test_a_ticket_opens_no_other_workspace_and_is_not_spent_by_trying(
    ticket: str, tenant_a: Workspace, tenant_b: Workspace
) -> None:
    with pytest.raises(InvalidTicket):
        redeem_ticket(ticket, tenant_b.ref.id, NOW, latch=LATCH)
    assert redeem_ticket(ticket, tenant_a.ref.id, NOW, latch=LATCH) == tenant_a.owner.pk


@pytest.mark.parametrize(
    "latch",
    ["", "x", "a" * 43, SEAL, LATCH + "x", "\x00", "é" * 43],
    ids=["none", "short", "another", "the seal", "longer", "nul", "not ascii"],  # the values are random
)
def test_a_ticket_opens_for_its_browser_alone_and_is_not_spent_by_another(
    ticket: str, tenant_a: Workspace, latch: str
) -> None:
    with pytest.raises(InvalidTicket):
        redeem_ticket(ticket, tenant_a.ref.id, NOW, latch=latch)
    assert redeem_ticket(ticket, tenant_a.ref.id, NOW, latch=LATCH) == tenant_a.owner.pk


@pytest.mark.parametrize(
    "seal", ["", "x", SEAL[:-1], SEAL + ".1", "a:" + SEAL], ids=["none", "short", "cut", "with a dot", "with a colon"]
)
def test_no_ticket_is_made_for_what_is_no_seal(tenant_a: Workspace, seal: str) -> None:
    with pytest.raises(InvalidTicket):
        issue_ticket(tenant_a.owner.pk, tenant_a.ref.id, NOW, seal=seal)


@pytest.mark.parametrize("change", ["", "x", "a" * 5000, "é", "a.b.c:d", "\x00", "{ticket}x", "x{ticket}", "{swapped}"])
def test_a_forged_ticket_is_refused(ticket: str, tenant_a: Workspace, tenant_b: Workspace, change: str) -> None:
    nonce, user, rest = ticket.split(".", 2)  # rest: workspace, seal and signature
    swapped = f"{nonce}.{tenant_b.owner.pk}.{rest}"
    assert user != str(tenant_b.owner.pk)
    with pytest.raises(InvalidTicket):
        redeem_ticket(
            change.replace("{ticket}", ticket).replace("{swapped}", swapped), tenant_a.ref.id, NOW, latch=LATCH
        )


def test_only_members_get_tickets_and_only_while_they_are(
    ticket: str, tenant_a: Workspace, tenant_b: Workspace
) -> None:
    with pytest.raises(InvalidTicket):
        issue_ticket(tenant_b.owner.pk, tenant_a.ref.id, NOW, seal=SEAL)
    Membership.objects.filter(user=tenant_a.owner).delete()
    with pytest.raises(InvalidTicket):
        redeem_ticket(ticket, tenant_a.ref.id, NOW, latch=LATCH)


def test_old_tickets_are_swept(ticket: str, tenant_a: Workspace) -> None:
    issue_ticket(tenant_a.owner.pk, tenant_a.ref.id, NOW + timedelta(hours=1), seal=SEAL)
    assert HandoverTicket.objects.count() == 1


def test_the_row_does_not_hold_what_the_ticket_says(ticket: str) -> None:
    """A copy of the database redeems nothing: the signature is made with a key that is not in it."""
    [row] = HandoverTicket.objects.all()
    assert bytes(row.nonce).hex() not in ticket
    assert len(bytes(row.nonce)) == 32


@pytest.mark.django_db(transaction=True)
def test_of_two_who_redeem_at_once_one_gets_in(tenant_a: Workspace, at_once: Callable[..., list[Any]]) -> None:
    ticket = issue_ticket(tenant_a.owner.pk, tenant_a.ref.id, NOW, seal=SEAL)

    def attempt() -> bool:
        try:
            return redeem_ticket(ticket, tenant_a.ref.id, NOW, latch=LATCH) == tenant_a.owner.pk
        except InvalidTicket:
            return False

    assert sorted(at_once(attempt, attempt, attempt, attempt)) == [False, False, False, True]
