"""Failures in digest: one message for each kind and day, whatever their number, and none for a kind that is muted."""

from __future__ import annotations

from typing import Any

import pytest

from automate.models import Workflow
from automate.services.failure_marks import mark_failures
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.tenants.notifications.conftest import NOW, Fail, later, look, told

pytestmark = pytest.mark.django_db


def test_a_hundred_failures_are_one_message_with_their_number(
    tenant_a: Workspace, tenant_b: Workspace, fail: Fail, letters: list[Any]
) -> None:
    fail(tenant_a, count=60)
    look(tenant_a, later(seconds=5))
    fail(tenant_a, at=later(hours=2), count=40)
    look(tenant_a, later(hours=2, seconds=5))
    look(tenant_a, later(hours=2, seconds=30))

    assert [(kind, count) for kind, _, count in told(tenant_a)] == [("workflow_failed", 100)]
    assert told(tenant_b) == []
    [letter] = letters
    assert letter.to == [tenant_a.owner.email]
    assert letter.subject.startswith("Alpha: ")
    assert "(60 times)" in letter.body
    assert "It broke: a." in letter.body
    assert "/enter/alpha/?next=%2Ffailures%2Fruns%2F" in letter.body


def test_kinds_that_begin_together_are_one_letter(tenant_a: Workspace, fail: Fail, letters: list[Any]) -> None:
    for kind in "abc":
        fail(tenant_a, kind=kind)
    look(tenant_a, later(seconds=5))
    fail(tenant_a, kind="d", at=later(minutes=1))
    look(tenant_a, later(minutes=1, seconds=5))
    assert [letter.subject for letter in letters] == ["Alpha: 3 notifications"]

    look(tenant_a, later(minutes=11))

    assert len(letters) == 2
    assert "It broke: d." in letters[1].body


def test_what_returns_after_a_day_is_told_again(tenant_a: Workspace, fail: Fail) -> None:
    fail(tenant_a)
    look(tenant_a, later(seconds=5))
    fail(tenant_a, at=later(hours=25), count=2)
    look(tenant_a, later(hours=25, seconds=5))
    fail(tenant_a, at=later(days=9), count=3)
    look(tenant_a, later(days=9, seconds=5))

    titles = [title for _, title, _ in told(tenant_a)]
    assert [count for _, _, count in told(tenant_a)] == [1, 2, 3]
    assert [title.split(" at ")[0].rpartition("fails")[2] for title in titles] == ["", " again", " again"]


def test_a_kind_that_is_muted_is_silent_until_it_is_heard_again(tenant_a: Workspace, fail: Fail) -> None:
    fail(tenant_a)
    with tenant_scope(tenant_a.ref):
        workflow = Workflow.objects.get(slug="sample")
        mark_failures(workflow_id=workflow.pk, fingerprint="a", actor="test", now=NOW, muted_until=later(hours=3))
    look(tenant_a, later(seconds=5))
    assert told(tenant_a) == []

    fail(tenant_a, at=later(hours=4))
    look(tenant_a, later(hours=4, seconds=5))

    assert [count for _, _, count in told(tenant_a)] == [1]
