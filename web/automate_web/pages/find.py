"""Pasting an event id, run id or trace id into any search box opens what it names."""

from __future__ import annotations

from django.urls import reverse

from automate.models import Event, ExecutionRun
from automate_web import filters


def address_of(text: str) -> str | None:
    """The page of the object whose id this is, or the list of the trace, else None. Four queries at most."""
    found = filters.as_uuid(text)
    if found is None:
        return None
    if ExecutionRun.objects.filter(pk=found).exists():
        return reverse("run", args=[found])
    if Event.objects.filter(pk=found).exists():
        return reverse("event", args=[found])
    if ExecutionRun.objects.filter(trace_id=found).exists():
        return f"{reverse('runs')}?trace_id={found.hex}"
    if Event.objects.filter(trace_id=found).exists():
        return f"{reverse('events')}?trace_id={found.hex}"
    return None
