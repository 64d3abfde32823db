"""Between the engine and the LLM layer: policy's budget becomes a cap, a budget's alert an event and an audit entry."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import transaction

from automate import host
from automate_governance.errors import Invalid
from automate_llm.host import PlanCaps, SingleHost, set_default
from automate_llm.money import shown
from automate_llm.signals import BudgetAlert, budget_alert, cost_overrun

if TYPE_CHECKING:
    pass

ALERT_EVENT = "automate.llm_budget"
MAX_PRICES = 500


def connect() -> None:
    """Called when the apps are ready; does nothing where the LLM layer is not installed."""
    if apps.is_installed("automate_llm"):
        set_default("automate.llm.EngineLLMHost")
        budget_alert.connect(tell_budget, dispatch_uid="automate.llm.tell_budget")
        cost_overrun.connect(tell_overrun, dispatch_uid="automate.llm.tell_overrun")


class EngineLLMHost(SingleHost):
    """A project with the engine: the caps are those of its policy."""

    def plan_caps(self) -> PlanCaps:
        return policy_caps()

    def data_key(self) -> bytes:
        return host.current().data_key()


def policy_caps() -> PlanCaps:
    """The budget that installation, plan and tenant leave, as policy merges them."""
    from automate.policy import effective_policy
    from automate.policy.rules import BUDGETS

    policy = effective_policy()
    daily, workflow, run = (budget[0] if (budget := policy.budget(rule)) else None for rule in BUDGETS)
    return PlanCaps(daily_usd=daily, workflow_usd=workflow, run_usd=run)


def tell_budget(sender: object, *, alert: BudgetAlert, now: datetime, **_: Any) -> None:
    """An audit entry, and the event `automate.llm_budget` that workflows may listen to; once per alert."""
    from automate.runtime import emit_event
    from automate.services import audit

    details = {
        "scope": alert.scope,
        "subject": alert.subject,
        "period": alert.period,
        "percent": alert.percent,
        "spent_usd": shown(alert.spent_micros),
        "cap_usd": shown(alert.cap_micros),
    }
    key = f"{alert.scope}:{alert.subject}:{alert.period}"
    with transaction.atomic():
        audit.record(actor="system", action="llm_budget.alert", resource=f"llm_budget:{key}", details=details, now=now)
        emit_event(ALERT_EVENT, details, dedupe_key=f"{key}:{alert.percent}")


def tell_overrun(sender: object, *, entry_id: object, overrun_micros: int, now: datetime, **_: Any) -> None:
    """An audit entry: a provider charged more than was set aside."""
    from automate.services import audit

    details = {"overrun_usd": shown(overrun_micros)}
    resource = f"llm_call:{entry_id}"
    audit.record(actor="system", action="llm_budget.overrun", resource=resource, details=details, now=now)


def save_preferences(
    *, keeps_prompts: bool, prices: list[Any], actor: str, now: datetime, ip: str | None = None
) -> Any:
    """The tenant's choices about models, with an audit entry. Raises Invalid with every price that is none."""
    from automate.services import audit
    from automate_llm.models import Preferences
    from automate_llm.prices import find_price_problem

    problems = [
        {"path": f"/prices/{at}", "code": "invalid_price", "message": problem}
        for at, row in enumerate(prices)
        if (problem := find_price_problem(row))
    ]
    if problems or len(prices) > MAX_PRICES:
        message = str(problems[0]["message"]) if problems else f"At most {MAX_PRICES} prices."
        raise Invalid(message, details={"param": "prices", "errors": problems})
    with transaction.atomic():
        known = Preferences.objects.select_for_update().first()
        before = {"keeps_prompts": known.keeps_prompts, "prices": known.prices} if known else {}
        after = {"keeps_prompts": keeps_prompts, "prices": prices}
        saved, _ = Preferences.objects.update_or_create(pk=1, defaults={**after, "updated_at": now})
        details = {"before": before, "after": after}
        audit.record(actor=actor, action="llm.preferences", resource="llm", details=details, now=now, ip=ip)
    return saved
