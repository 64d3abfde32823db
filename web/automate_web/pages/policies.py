"""Governance, Policies: what may be done here, whose rule it is, what it blocked; changed after a look at it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Sum
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from automate.policy import (
    Blocked,
    InvalidPolicy,
    Policy,
    Stored,
    blocked_since,
    ceiling,
    effective_policy,
    save_policy,
    stored_policy,
)
from automate.policy.preview import would_have_blocked
from automate.policy.rules import BUDGETS
from automate_governance.errors import Conflict
from automate_tenants.models import RefusalCount
from automate_web.requests import WorkspaceRequest, actor, demand, revision_of, workspace_page
from automate_web.templatetags.portal import LAYER_WORDS

LOOK_BACK = timedelta(days=7)
PREVIEWED = timedelta(hours=24)


class Lines(forms.CharField):
    """A list of texts, one a line."""

    def __init__(self, **options: Any):
        super().__init__(required=False, widget=forms.Textarea({"rows": 4, "spellcheck": "false"}), **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, (list, tuple)) else value

    def to_python(self, value: Any) -> Any:
        lines = [line.strip() for line in str(value or "").splitlines()]
        return [line for line in lines if line] or None


class Rates(Lines):
    """Names with their rates, one `name = number` a line."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{name} = {rate}" for name, rate in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        rates = {}
        for line in super().to_python(value) or []:
            name, equals, number = (part.strip() for part in line.rpartition("="))
            if not equals or not name or not number.isascii() or not number.isdigit():
                raise forms.ValidationError(f"Write “{line}” as a name, = and a number.")
            rates[name] = int(number)
        return rates or None


class Dollars(forms.DecimalField):
    """An amount in US dollars."""

    def __init__(self, **options: Any):
        super().__init__(required=False, max_digits=12, decimal_places=6, **options)


class PolicyForm(forms.Form):
    """The workspace's own layer. What stays empty limits nothing here."""

    webhook_rate = forms.IntegerField(
        label="Webhooks a minute",
        required=False,
        help_text="All endpoints together, in any 60 seconds.",
    )
    endpoint_rates = Rates(
        label="Webhooks a minute, by endpoint", help_text="One “orders = 100” a line; “*” means each endpoint."
    )
    over_limit = forms.ChoiceField(
        label="Webhooks above the rate",
        choices=[("reject", "are refused with 429"), ("hold", "are accepted and run later, within the rate")],
        required=False,
    )
    connector_allowlist = Lines(label="Connectors", help_text="One “http” or “http.request” a line. Empty: all.")
    host_allowlist = Lines(
        label="Hosts that may be called", help_text="One “api.stripe.com” or “*.stripe.com” a line. Empty: all."
    )
    outbound_rates = Rates(
        label="Calls a minute, by host", help_text="One “api.stripe.com = 100” a line. Calls above it wait."
    )
    llm_budget_daily = Dollars(label="LLM budget a day, in US dollars")
    llm_budget_workflow = Dollars(label="LLM budget of each workflow a day, in US dollars")
    llm_budget_run = Dollars(label="LLM budget of each run, in US dollars")
    max_concurrent_runs = forms.IntegerField(label="Runs at the same time", required=False)
    runs_daily = forms.IntegerField(
        label="Runs a day", required=False, help_text="Those above it are kept and begin the next day, in their order."
    )
    runs_monthly = forms.IntegerField(
        label="Runs a month", required=False, help_text="Those above it are kept and begin the next month."
    )
    api_rate = forms.IntegerField(label="API requests a minute, of each key", required=False)
    mask_emails = forms.BooleanField(
        label="Mask e-mail addresses",
        required=False,
        help_text="In inputs, outputs, errors, logs and audit entries, as secrets are. Steps still get the real ones.",
    )

    def document(self) -> dict[str, Any]:
        """What the form says, as a policy document."""
        values = {name: value for name, value in self.cleaned_data.items() if value not in (None, "", [], {})}
        values |= {name: format(values[name].normalize(), "f") for name in BUDGETS if name in values}
        if not values["mask_emails"]:
            del values["mask_emails"]
        if values.get("over_limit") == "reject":
            del values["over_limit"]
        return values


@dataclass(frozen=True)
class Row:
    """One rule as it holds now, and what it blocked."""

    name: str
    label: str
    value: str
    layer: str
    blocked: list[Blocked]
    count: int


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_policy")
def policies(request: WorkspaceRequest) -> HttpResponse:
    """/governance/policies/: POST looks what the change would have blocked; with `save`, once looked at, saves it."""
    stored = stored_policy()
    form = PolicyForm(request.POST or None, initial=stored.document)
    preview, checked = None, ""
    if request.method == "POST" and form.is_valid():
        demand(request, "automate.manage_policy")
        document = form.document()
        checked = json.dumps(document, sort_keys=True)
        try:
            if "save" in request.POST and request.POST.get("checked") == checked:
                return _save(request, document)
            preview = would_have_blocked(effective_policy(document), since=timezone.now() - PREVIEWED)
        except InvalidPolicy as error:
            for problem in error.problems:
                name = problem.path.split("/")[1] if problem.path else None
                form.add_error(name if name in form.fields else None, problem.message)
        except Conflict as error:
            form.add_error(None, error.message)
    context = {
        "form": form,
        "rows": _rows(request.tenant.id),
        "stored": stored,
        "revision": request.POST.get("revision", stored.revision),
        "preview": preview,
        "checked": checked,
        "upper": _upper(ceiling()),
    }
    return render(request, "governance/policies.html", context, status=422 if form.errors else 200)


def _save(request: WorkspaceRequest, document: dict[str, Any]) -> HttpResponse:
    saved: Stored = save_policy(
        document=document,
        expected_revision=revision_of(request),
        actor=actor(request),
        now=timezone.now(),
        ip=request.META.get("REMOTE_ADDR"),
    )
    messages.success(request, f"Saved as revision {saved.revision}. It holds for the next step.", extra_tags="ok")
    return redirect("policies")


def _rows(tenant_id: int) -> list[Row]:
    policy = effective_policy()
    since = timezone.now() - LOOK_BACK
    blocked: dict[str, list[Blocked]] = {}
    for block in blocked_since(since):
        blocked.setdefault(block.rule, []).append(block)
    refused = RefusalCount.objects.filter(tenant_id=tenant_id, code="rate_limited", minute__gte=since)
    webhooks = refused.aggregate(total=Sum("count"))["total"] or 0
    counts = Counter({rule: sum(block.count for block in found) for rule, found in blocked.items()})
    counts["webhook_rate"] += webhooks
    return [
        Row(
            name, str(PolicyForm.base_fields[name].label), *_in_force(policy, name), blocked.get(name, []), counts[name]
        )
        for name in PolicyForm.base_fields
        if name != "over_limit"
    ]


def _in_force(policy: Policy, name: str) -> tuple[str, str]:
    """The value that holds and whose it is, in words."""
    if name in ("webhook_rate", "api_rate", "max_concurrent_runs", "runs_daily", "runs_monthly"):
        limit = policy.limit(name)
        return (f"{limit.value:,}", LAYER_WORDS[limit.layer]) if limit else ("no limit", "")
    if name in BUDGETS:
        budget = policy.budget(name)
        return (f"${budget[0]}", LAYER_WORDS[budget[1]]) if budget else ("no limit", "")
    if name == "mask_emails":
        return ("yes", LAYER_WORDS[policy.mask_emails]) if policy.mask_emails else ("no", "")
    said = [(layer.name, getattr(layer.rules, name)) for layer in policy.layers]
    said = [(layer, value) for layer, value in said if value and value != ("*",)]
    shown = [
        ", ".join(f"{key}: {rate:,}" for key, rate in value.items()) if isinstance(value, dict) else ", ".join(value)
        for _, value in said
    ]
    nothing = "no limit" if name in ("endpoint_rates", "outbound_rates") else "all"
    return " and ".join(shown) or nothing, ", ".join(LAYER_WORDS[layer] for layer, _ in said)


def _upper(policy: Policy) -> list[tuple[str, str, str]]:
    """What the layers above set: (label, value, whose)."""
    found = [
        (str(field.label), *_in_force(policy, name))
        for name, field in PolicyForm.base_fields.items()
        if name != "over_limit"
    ]
    return [(label, value, layer) for label, value, layer in found if layer]
