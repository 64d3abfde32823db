"""An event cannot be changed, and can be deleted; in months: test_partitions."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from automate import ids
from automate.models import Event
from automate_tenants.context import tenant_scope


@pytest.mark.postgresql("triggers")
def test_the_database_refuses_to_change_an_event_and_lets_it_be_deleted(db: None, tenant_a: Any) -> None:
    with tenant_scope(tenant_a.ref):
        event = Event.objects.create(
            type="t", payload={}, source="manual", trace_id=ids.new_id(), received_at=datetime.now(timezone.utc)
        )

        with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
            Event.objects.filter(pk=event.pk).update(type="other")

        assert Event.objects.filter(pk=event.pk).delete()[0] == 1
