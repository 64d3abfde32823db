"""Time from sign-up to the first event: noted once, kept when the event is gone, summed up for operators."""

from __future__ import annotations

from datetime import timedelta

import pytest

from automate.ingest.ingestor import EventIngestor
from automate.models import Event
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.first_events import TimeToFirstEvent, note, time_to_first_event
from automate_tenants.models import Tenant
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db


def send(workspace: Workspace, *, after_seconds: int) -> None:
    made = Tenant.objects.get(pk=workspace.ref.id).created_at
    with tenant_scope(workspace.ref):
        EventIngestor().ingest(type="t", payload={}, source="s", now=made + timedelta(seconds=after_seconds))


def test_median_and_p90_of_those_that_had_an_event(tenant_a: Workspace, tenant_b: Workspace) -> None:
    with public_scope():
        assert (note(), time_to_first_event()) == (0, TimeToFirstEvent(0, None, None))
        send(tenant_a, after_seconds=40)
        assert (note(), time_to_first_event()) == (1, TimeToFirstEvent(1, 40, 40))
        send(tenant_b, after_seconds=90)
        send(tenant_a, after_seconds=300)

        assert (note(), time_to_first_event()) == (1, TimeToFirstEvent(2, 40, 90))


def test_it_stays_noted_when_the_event_is_deleted(tenant_a: Workspace) -> None:
    with public_scope():
        send(tenant_a, after_seconds=40)
        note()
        with tenant_scope(tenant_a.ref):
            Event.objects.all().delete()

        assert (note(), time_to_first_event().median_seconds) == (0, 40)
