"""Saved views: who sees one, who may change it, one default, and a record of each change."""

from __future__ import annotations

from typing import Any

import pytest

from automate.models import AuditLogEntry, SavedView
from automate.services.saved_views import MOST, change_view, remove_view, save_view, views_of
from automate_governance.errors import Conflict, Invalid, NotFound, PermissionDenied
from tests.engine.automate.services.conftest import NOW

pytestmark = pytest.mark.usefixtures("workspace")

ADA, BOB = "user:1", "user:2"


def kept(name: str, owner: str = ADA, **more: Any) -> SavedView:
    return save_view(**{"page": "runs", "query": "status=failed", "owner": owner, "now": NOW, "name": name, **more})


def test_own_ones_come_first_then_what_others_share() -> None:
    kept("mine b")
    kept("mine a", is_shared=True)
    kept("theirs", BOB)
    kept("shared", BOB, is_shared=True)
    kept("elsewhere", page="events")

    assert [view.name for view in views_of(ADA, page="runs")] == ["mine a", "mine b", "shared"]
    assert [view.name for view in views_of(BOB)] == ["shared", "theirs", "mine a"]


def test_only_its_owner_changes_a_view_and_who_manages_a_shared_one() -> None:
    own, shared = kept("own"), kept("shared", is_shared=True)

    with pytest.raises(NotFound):
        change_view(view_id=own.pk, actor=BOB, now=NOW, manages=True, name="x")
    with pytest.raises(PermissionDenied):
        remove_view(view_id=shared.pk, actor=BOB, now=NOW)
    renamed = change_view(view_id=shared.pk, actor=BOB, now=NOW, manages=True, name="  new   name ")
    remove_view(view_id=own.pk, actor=ADA, now=NOW)

    assert (renamed.name, renamed.owner) == ("new name", ADA)
    assert [view.name for view in views_of(ADA)] == ["new name"]
    told = AuditLogEntry.objects.filter(action__startswith="view.").order_by("pk")
    assert list(told.values_list("action", "actor")) == [
        ("view.create", ADA), ("view.create", ADA), ("view.update", BOB), ("view.delete", ADA),
    ]  # fmt: skip


def test_an_owner_has_one_default_of_a_list() -> None:
    first, second = kept("first", is_default=True), kept("second", is_default=True)
    other = kept("first", BOB, is_default=True)
    change_view(view_id=first.pk, actor=ADA, now=NOW, is_default=True)

    defaults = SavedView.objects.filter(is_default=True).order_by("pk").values_list("pk", flat=True)
    assert list(defaults) == [first.pk, other.pk]
    assert second.pk not in defaults


def test_a_change_that_changes_nothing_is_not_recorded() -> None:
    view = kept("same")
    change_view(view_id=view.pk, actor=ADA, now=NOW, name="same", is_shared=False)

    assert AuditLogEntry.objects.filter(action__startswith="view.").count() == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_name_is_needed_and_may_not_be_long(name: str) -> None:
    with pytest.raises(Invalid):
        kept(name)


def test_a_name_is_taken_once_by_one_owner_and_there_is_an_end() -> None:
    kept("taken")
    with pytest.raises(Conflict):
        kept("taken")
    other = kept("free")
    with pytest.raises(Conflict):
        change_view(view_id=other.pk, actor=ADA, now=NOW, name="taken")
    SavedView.objects.bulk_create(
        SavedView(page="runs", name=f"n{n}", owner=ADA, created_at=NOW, updated_at=NOW) for n in range(MOST - 2)
    )
    with pytest.raises(Invalid):
        kept("one more")
    assert kept("elsewhere", page="events").pk
