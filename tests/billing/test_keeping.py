"""Usage is summed up after 400 days and deleted after ten years; nothing that was counted is lost in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from automate_billing import keeping
from automate_billing.models import Subscription, UsageAlert, UsageDay
from tests.support.workspaces import Workspace

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.django_db
def test_old_usage_becomes_one_sum_a_day_and_in_the_end_nothing(tenant_a: Workspace) -> None:
    for days, subject, amount in ((0, "x", 1), (500, "x", 2), (500, "y", 3), (500, "", 4), (4000, "x", 5)):
        UsageDay.objects.create(
            tenant_id=tenant_a.ref.id, day=NOW - timedelta(days=days), meter="runs", subject=subject, amount=amount
        )
    Subscription.objects.create(tenant_id=10**9, plan="free", since=NOW - timedelta(days=4000), changed_by="system")
    UsageAlert.objects.create(
        tenant_id=1, period="2025-01", meter="runs", percent=50, used=1, included=2, at=NOW,
        period_ends_at=NOW - timedelta(days=500),
    )  # fmt: skip

    assert keeping.keep(now=NOW) == 1 + 1 + 1 + 2

    left = UsageDay.objects.filter(tenant_id=tenant_a.ref.id).order_by("day").values_list("subject", "amount")
    assert list(left) == [("", 9), ("x", 1)]
    assert not UsageAlert.objects.exists()
    assert not Subscription.objects.filter(pk=10**9).exists()
    assert keeping.keep(now=NOW) == 0
