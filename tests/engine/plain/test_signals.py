"""Django's signals start workflows in a plain project, on both databases: what is sent, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.plain.project import DATABASES, Project

pytestmark = pytest.mark.processes

PREPARE = """
from datetime import date, datetime, timezone
from decimal import Decimal
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from automate.models import Event, ExecutionRun, OutboxJob
from automate.services import InvalidDraft, create_workflow, publish_version, set_enabled
from tests.engine.plain.shop.models import Order, Rush
from automate.models import MatchDecision
from tests.engine.plain.shop.signals import order_paid
call_command("flush", interactive=False, verbosity=0)
now = datetime.now(timezone.utc)
def publish(slug, rule=None, **trigger):
    workflow = create_workflow(definition={
        "slug": slug, "name": slug, "trigger": {"type": "signal", **trigger}, "rule": rule,
        "steps": [{"id": "say", "connector": "core", "action": "log", "params": {"message": "{{ event.type }}"}}],
    }, actor="test", now=now)
    publish_version(workflow_id=workflow.id, expected_revision=1, actor="test", now=now)
    return workflow
def work():
    call_command("automate_worker", once=True)
def events():
    return [[e.type, e.source, e.payload] for e in Event.objects.order_by("id")]
"""


@pytest.fixture(scope="module", params=DATABASES)
def project(request: pytest.FixtureRequest, make_project: Callable[[str], Project]) -> Project:
    plain = make_project(request.param)
    made = Project({**plain.environment, "DJANGO_SETTINGS_MODULE": "tests.engine.plain.signal_settings"})
    made.manage("migrate", "--run-syncdb", "--verbosity", "0")
    return made


def run(project: Project, code: str) -> Any:
    return project.script(PREPARE + code)


def test_created_updated_and_deleted_rows_are_events_without_what_is_sensitive(project: Project) -> None:
    found = run(
        project,
        """
publish("orders", model="shop.Order")
order = Order.objects.create(number="7", total=Decimal("12.50"), ordered_on=date(2026, 5, 1))
order.status = "paid"
order.save()
Rush(pk=order.pk, number="7r", total=1).save()
Order.objects.filter(pk=order.pk).first().delete()
answer = events()
""",
    )

    assert [(type_, source) for type_, source, _ in found] == [
        ("shop.order.created", "signal:shop.order"),
        ("shop.order.updated", "signal:shop.order"),
        ("shop.order.updated", "signal:shop.order"),
        ("shop.order.deleted", "signal:shop.order"),
    ]
    created = found[0][2]
    assert created["model"] == "shop.Order"
    assert created["change"] == "created"
    assert created["fields"] == {
        "id": created["pk"],
        "number": "7",
        "total": "12.50",
        "status": "new",
        "ordered_on": "2026-05-01",
    }
    assert "s3cret" not in str(found)


def test_a_transaction_that_is_rolled_back_leaves_no_event(project: Project) -> None:
    found = run(
        project,
        """
publish("orders", model="shop.Order")
try:
    with transaction.atomic():
        Order.objects.create(number="gone")
        during = Event.objects.count()
        raise RuntimeError
except RuntimeError:
    pass
with transaction.atomic():
    Order.objects.create(number="kept")
answer = [during, [payload["fields"]["number"] for _, _, payload in events()], OutboxJob.objects.count()]
""",
    )

    assert found == [1, ["kept"], 1]


def test_only_changes_of_the_named_fields_count_and_the_rule_decides_too(project: Project) -> None:
    found = run(
        project,
        """
is_paid = {"==": [{"var": "payload.fields.status"}, "paid"]}
publish("paid", is_paid, model="shop.Order", on=["updated"], fields=["status"])
order = Order.objects.create(number="7")
order.number = "8"
order.save()
order.save()
order.status = "packed"
order.save(update_fields=["status"])
order.status = "paid"
order.save()
work()
reasons = sorted(MatchDecision.objects.values_list("reason", flat=True))
answer = [[payload["changed"] for _, _, payload in events()], ExecutionRun.objects.count(), reasons]
""",
    )

    assert found == [[["status"], ["status"]], 1, ["rule_false", "rule_true"]]


def test_a_version_with_fields_is_not_started_by_a_change_that_another_one_asked_for(project: Project) -> None:
    found = run(
        project,
        """
publish("any", model="shop.Order", on=["updated"])
publish("status-only", model="shop.Order", on=["updated"], fields=["status"])
order = Order.objects.create(number="7")
order.number = "8"
order.save()
work()
answer = [run.version.workflow.slug for run in ExecutionRun.objects.select_related("version__workflow")]
""",
    )

    assert found == ["any"]


def test_nothing_is_stored_and_no_query_made_for_what_nobody_listens_to(project: Project) -> None:
    found = run(
        project,
        """
from django.test.utils import CaptureQueriesContext
workflow = publish("orders", model="shop.Order", on=["deleted"])
order = Order.objects.create(number="7")
with CaptureQueriesContext(connection) as queries:
    for _ in range(20):
        order.save()
set_enabled(workflow_id=workflow.id, is_enabled=False, actor="test", now=datetime.now(timezone.utc))
order.delete()
answer = [[q["sql"] for q in queries if "automate_event" in q["sql"] or "outboxjob" in q["sql"]], events()]
""",
    )

    assert found == [[], []]


def test_a_custom_signal_that_the_settings_name_is_an_event(project: Project) -> None:
    (event,), runs = run(
        project,
        """
publish("paid", signal="tests.engine.plain.shop.signals.order_paid")
order = Order.objects.create(number="7", total=Decimal("3.00"))
order_paid.send(sender=Order, order=order, amount=Decimal("3.00"), password="hunter2", at=now, extra=object())
work()
answer = [events(), ExecutionRun.objects.count()]
""",
    )

    type_, source, payload = event
    assert (type_, source) == ("signal.received", "signal:tests.engine.plain.shop.signals.order_paid")
    assert payload["sender"] == "shop.Order"
    assert payload["arguments"]["order"]["fields"]["number"] == "7"
    assert payload["arguments"]["amount"] == "3.00"
    assert payload["arguments"]["extra"] == "<object>"
    assert "hunter2" not in str(payload)
    assert runs == 1


def test_what_cannot_be_stored_never_breaks_the_projects_own_save(project: Project) -> None:
    found = run(
        project,
        """
import logging
logging.getLogger("automate.signals").setLevel(logging.CRITICAL)
publish("paid", signal="tests.engine.plain.shop.signals.order_paid")
with transaction.atomic():
    order = Order.objects.create(number="7")
    order_paid.send(sender=Order, text="a\\x00b")
answer = [Order.objects.count(), len(events())]
""",
    )

    assert found == [1, 0]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"model": "shop.Nothing"}, "unknown_model"),
    ({"model": "automate.Event"}, "unknown_model"),
    ({"model": "shop.Rush"}, "unknown_model"),  # a proxy: its rows are those of shop.Order
    ({"model": "shop.Order", "fields": ["api_token"]}, "unknown_field"),
    ({"signal": "os.system"}, "unknown_signal"),
    ({}, "model_or_signal"),
    ({"model": "shop.Order", "signal": "x"}, "model_or_signal"),
]


def test_publishing_refuses_what_cannot_be_listened_to(project: Project) -> None:
    triggers = [{"type": "signal", **trigger} for trigger, _ in REFUSED]

    found = project.script(
        f"""
from automate.triggers.problems import find_trigger_problems
answer = [[p.code for p in find_trigger_problems(t, known_roots=("payload",))] for t in {triggers!r}]
"""
    )

    assert found == [[code] for _, code in REFUSED]
