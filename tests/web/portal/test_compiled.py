"""Queries whose SQL is written once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django import forms
from django.db.models import QuerySet

from automate.ids import new_id
from automate.models import Event
from automate_tenants.context import tenant_scope
from automate_web.compiled import CompiledQuery
from automate_web.widgets import LongSelect

LONG_AGO = datetime(1, 2, 3, tzinfo=UTC)


def received_since(when: datetime) -> QuerySet[Event, tuple[str]]:
    return Event.objects.filter(received_at__gte=when).values_list("type")


@pytest.mark.django_db
def test_it_answers_for_the_workspace_and_the_values_of_each_time(tenant_a, tenant_b):
    query = CompiledQuery(received_since, {"when": LONG_AGO})
    now = datetime.now(UTC)
    for workspace, kind in ((tenant_a, "of.a"), (tenant_b, "of.b")):
        with tenant_scope(workspace.ref):
            Event.objects.create(type=kind, received_at=now, payload={}, source="mixed", trace_id=new_id())

    asked = []
    for workspace in (tenant_a, tenant_b, tenant_a):
        with tenant_scope(workspace.ref):
            asked.append(query.rows(when=now - timedelta(days=1)))
            assert query.rows(when=now + timedelta(days=1)) == []

    assert asked == [[("of.a",)], [("of.b",)], [("of.a",)]]


def test_a_value_that_the_query_makes_into_another_is_refused():
    query = CompiledQuery(lambda when: received_since(when - timedelta(days=1)), {"when": LONG_AGO + timedelta(days=9)})

    with pytest.raises(ValueError, match="when"):
        query.rows(when=datetime.now(UTC))


def test_a_select_of_hundreds_marks_the_chosen_one_and_escapes_the_rest():
    class Form(forms.Form):
        zone = forms.ChoiceField(widget=LongSelect, choices=[("a", "A & B"), ('"b"', "<B>")])

    assert str(Form(initial={"zone": '"b"'})["zone"]) == (
        '<select id="id_zone" name="zone"><option value="a">A &amp; B</option>\n'
        '<option value="&quot;b&quot;" selected>&lt;B&gt;</option></select>'
    )
