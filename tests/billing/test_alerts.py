"""Alerts: each threshold once a period, to whom it concerns, as a letter, an audit entry and a banner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from automate.models import AuditLogEntry
from automate_billing import rounds, subscriptions, thresholds
from automate_billing.fold import add
from automate_billing.models import UsageAlert, UsageDay
from automate_governance.errors import Invalid
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.notifications import rounds as notifications
from tests.isolation.conftest import host_of, logged_in, new_member
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def outbox(settings: Any) -> Any:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    return mail


@pytest.fixture
def on_free(tenant_a: Workspace) -> Workspace:
    with public_scope():
        subscriptions.change_plan(tenant_id=tenant_a.ref.id, plan="free", actor="test", now=NOW)
    return tenant_a


def use(workspace: Workspace, meter: str, amount: int, *, at: datetime = NOW) -> None:
    """So much more is used; then the round that a worker makes."""
    with public_scope():
        add({(workspace.ref.id, at.date(), meter, ""): amount})
        rounds.look_at([workspace.ref.id], now=at)
    notifications.go_round(now=at)


def subjects() -> list[str]:
    return [letter.subject for letter in mail.outbox]


def test_each_threshold_is_told_once(on_free: Workspace) -> None:
    use(on_free, "runs", 4_999)
    assert subjects() == []
    for _ in range(3):
        use(on_free, "runs", 1)
    for hour, amount in enumerate((3_000, 2_000, 9_000), start=1):  # a member gets a letter every ten minutes at most
        use(on_free, "runs", amount, at=NOW + timedelta(hours=hour))

    assert subjects() == [f"Alpha: {percent} % of this month's Runs used" for percent in (50, 80, 100)]
    with tenant_scope(on_free.ref):
        entries = AuditLogEntry.objects.filter(action="usage.alert").order_by("pk")
        assert [entry.details["percent"] for entry in entries] == [50, 80, 100]


def test_a_jump_past_several_writes_one_letter(on_free: Workspace) -> None:
    use(on_free, "events", 8_500)

    assert subjects() == ["Alpha: 80 % of this month's Events used"]
    assert "8,500 of the 10,000" in mail.outbox[0].body
    assert "accepted and held" in mail.outbox[0].body
    with public_scope():
        assert sorted(UsageAlert.objects.values_list("percent", flat=True)) == [50, 80]


def test_owners_and_those_who_pay_get_it_and_nobody_else(on_free: Workspace) -> None:
    members = {role: new_member(on_free, role) for role in ("billing", "admin", "builder", "viewer")}
    use(on_free, "llm", 5_000_000)

    assert {letter.to[0] for letter in mail.outbox} == {on_free.owner.email, members["billing"].email}


def test_a_new_period_tells_anew_and_the_neighbour_hears_nothing(on_free: Workspace, tenant_b: Workspace) -> None:
    use(on_free, "steps", 25_000)
    use(on_free, "steps", 25_000, at=NOW + timedelta(days=30))
    with public_scope():
        rounds.look_at([tenant_b.ref.id], now=NOW)

        assert set(UsageAlert.objects.values_list("tenant_id", "period")) == {
            (on_free.ref.id, "2026-06"),
            (on_free.ref.id, "2026-07"),
        }
    assert len(subjects()) == 2


def test_another_plan_begins_anew(on_free: Workspace) -> None:
    use(on_free, "events", 10_000)
    with public_scope():
        subscriptions.change_plan(tenant_id=on_free.ref.id, plan="pro", actor="test", now=NOW)
    assert not UsageAlert.objects.exists()
    use(on_free, "events", 240_000, at=NOW + timedelta(hours=1))

    assert subjects()[-1] == "Alpha: 50 % of this month's Events used"


def test_a_letter_that_could_not_be_sent_is_tried_again(on_free: Workspace, settings: Any) -> None:
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there
    use(on_free, "runs", 5_000)

    settings.EMAIL_BACKEND = backend
    for minutes in (0, 1, 2):
        notifications.go_round(now=NOW + timedelta(minutes=minutes))
    assert len(subjects()) == 1


def choose(workspace: Workspace, *every: int, **meters: tuple[int, ...]) -> None:
    with public_scope():
        thresholds.choose(tenant_id=workspace.ref.id, every=every, meters=meters, actor="test", now=NOW)


def test_thresholds_that_were_chosen_are_told_and_no_others(on_free: Workspace, tenant_b: Workspace) -> None:
    choose(on_free, 20, llm=(90,), storage=())
    for meter, amount in (("runs", 6_000), ("llm", 4_250_000), ("storage", 999_000_000)):
        use(on_free, meter, amount)

    assert subjects() == ["Alpha: 20 % of this month's Runs used"]
    with public_scope():
        shown = UsageAlert.objects.filter(meter__in=("llm", "storage")).values_list("meter", "percent", "told_at")
        assert set(shown) == {("llm", 80, None), ("storage", 80, None)}  # the banner's
        assert thresholds.of_workspace(tenant_b.ref.id).of("runs") == (50, 80, 100)


def test_the_limit_that_holds_events_is_told_whatever_was_chosen(on_free: Workspace) -> None:
    choose(on_free)
    use(on_free, "events", 10_000)

    assert subjects() == ["Alpha: 100 % of this month's Events used"]


def test_a_threshold_changed_in_mid_period_is_told_once_and_only_upwards(on_free: Workspace) -> None:
    use(on_free, "runs", 5_500)  # 50 % is told
    for hour, chosen in enumerate(((30, 60), (52,), (50, 52), (54, 100)), start=1):
        choose(on_free, *chosen)
        use(on_free, "runs", 1, at=NOW + timedelta(hours=hour))

    assert [subject.split()[1] for subject in subjects()] == ["50", "52", "54"]


def test_a_choice_is_audited_and_the_same_one_again_is_nothing(on_free: Workspace) -> None:
    for _ in range(2):
        choose(on_free, 90, 40, 90, llm=(10,))

    with tenant_scope(on_free.ref):
        [entry] = AuditLogEntry.objects.filter(action="usage.thresholds")
    assert entry.details["every"] == [40, 90]
    assert entry.details["was"] == {"every": [50, 80, 100], "meters": {}}


@pytest.mark.parametrize(("every", "meters"), [([0], {}), ([101], {}), ([50], {"cpu": [1]}), (range(1, 12), {})])
def test_what_no_threshold_can_be_is_refused(on_free: Workspace, every: Any, meters: Any) -> None:
    with public_scope(), pytest.raises(Invalid):
        thresholds.choose(tenant_id=on_free.ref.id, every=every, meters=meters, actor="test", now=NOW)


def test_storage_is_its_latest_level(on_free: Workspace) -> None:
    with public_scope():
        for day, amount in ((14, 990_000_000), (15, 400_000_000)):
            row = {"tenant_id": on_free.ref.id, "day": NOW.date().replace(day=day), "meter": "storage"}
            UsageDay.objects.create(**row, amount=amount)
        rounds.look_at([on_free.ref.id], now=NOW)

    assert not UsageAlert.objects.exists()


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (5_000, ""),
        (8_000, "80 % of the plan&#x27;s Events are used."),
        (10_000, "All of the plan&#x27;s Events are used: new events are accepted and held."),
    ],
)
def test_from_80_percent_on_every_page_says_so(on_free: Workspace, amount: int, words: str) -> None:
    now = datetime.now(UTC)
    use(on_free, "events", amount, at=now)
    browser: Client = logged_in(on_free.owner, on_free, host_of(on_free))
    page = browser.get("/runs/").content.decode()

    assert words in page
    assert ("Events are used" in page) == bool(words)
