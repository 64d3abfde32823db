"""The audit log: redacted before it is written, gone with the transaction it tells of."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from automate.models import AuditLogEntry
from automate.services import audit
from tests.engine.automate.services.conftest import NOW

pytestmark = pytest.mark.usefixtures("workspace")


def _record(**details: object) -> AuditLogEntry:
    return audit.record(actor="user:1", action="test.done", resource="thing:1", details=details, now=NOW)


def test_details_are_redacted_before_they_are_written() -> None:
    entry = _record(password="correct-horse", note="sk_live_4eC39HqLyjWDarjtT1zdp7dc", fine="yes", nul="a\x00b")

    entry.refresh_from_db()
    assert "correct-horse" not in repr(entry.details)
    assert "4eC39HqLyjWDarjtT1zdp7dc" not in repr(entry.details)
    assert entry.details["fine"] == "yes"


def test_an_entry_goes_with_its_transaction() -> None:
    with transaction.atomic():
        _record()
        transaction.set_rollback(True)

    assert not AuditLogEntry.objects.filter(action="test.done").exists()


@pytest.mark.postgresql("triggers")
def test_an_entry_cannot_be_changed_or_deleted() -> None:
    entry = _record()

    with pytest.raises(DatabaseError), transaction.atomic():
        AuditLogEntry.objects.filter(pk=entry.pk).update(actor="nobody")
    with pytest.raises(DatabaseError), transaction.atomic():
        entry.delete()
