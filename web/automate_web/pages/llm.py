"""Governance, LLM spend: today against the cap, by workflow and model, every call; the workspace's own prices."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from automate.llm import save_preferences
from automate.models import AuditLogEntry, Workflow
from automate_governance.errors import Invalid
from automate_llm.models import LedgerEntry, Preferences
from automate_llm.money import shown
from automate_llm.prices.lookup import as_of
from automate_llm.usage import Share, usage_of
from automate_web.cursor import paginate
from automate_web.requests import WorkspaceRequest, actor, demand, workspace_page


class PreferencesForm(forms.Form):
    prices = forms.CharField(
        label="Own prices",
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "code"}),
        help_text='A JSON list: [{"model": "my-model", "input": "0.5", "output": "1.5"}], dollars per million tokens.',
    )
    keeps_prompts = forms.BooleanField(label="Keep prompts and answers in the ledger, redacted", required=False)

    def clean_prices(self) -> list[Any]:
        try:
            prices = json.loads(self.cleaned_data["prices"] or "[]")
        except (ValueError, RecursionError):
            raise forms.ValidationError("This is not JSON.") from None
        if not isinstance(prices, list):
            raise forms.ValidationError("Write a list: [ … ].")
        return prices


@dataclass(frozen=True)
class ShareRow:
    name: str
    share: Share
    cost: str


@dataclass(frozen=True)
class CallRow:
    entry: LedgerEntry
    workflow: str
    cost: str
    reserved: str


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_policy")
def llm(request: WorkspaceRequest) -> HttpResponse:
    """GET /governance/llm/; POST saves prices and choices."""
    known = Preferences.objects.first() or Preferences()
    given = {"prices": json.dumps(known.prices, indent=1) if known.prices else "", "keeps_prompts": known.keeps_prompts}
    form = PreferencesForm(request.POST or None, initial=given)
    if request.method == "POST":
        demand(request, "automate.manage_policy")
        if form.is_valid():
            try:
                save_preferences(
                    **form.cleaned_data,
                    actor=actor(request),
                    now=timezone.now(),
                    ip=request.META.get("REMOTE_ADDR"),
                )
            except Invalid as error:
                form.add_error("prices", error.message)
            else:
                messages.success(request, "Saved. It holds for the next call.", extra_tags="ok")
                return redirect("llm")
    usage = usage_of(now=timezone.now())
    names = {str(pk): slug for pk, slug in Workflow.objects.values_list("pk", "slug")}
    page = paginate(LedgerEntry.objects.defer("prompt", "answer"), request.GET.get("cursor"))
    context = {
        "usage": usage,
        "spent": shown(usage.spent_micros),
        "reserved": shown(usage.reserved_micros),
        "lost": shown(usage.unreconciled_micros) if usage.unreconciled_micros else "",
        "cap": shown(usage.cap_micros or 0),
        "by_workflow": [ShareRow(names.get(s.key, s.key or "–"), s, shown(s.cost_micros)) for s in usage.by_workflow],
        "by_model": [ShareRow(s.key, s, shown(s.cost_micros)) for s in usage.by_model],
        "page": page,
        "calls": [
            CallRow(
                entry, names.get(str(entry.workflow_id), ""), shown(entry.cost_micros), shown(entry.reserved_micros)
            )
            for entry in page.results
        ],
        "earlier": [(share, shown(share.cost_micros)) for share in usage.earlier],
        "alerts": AuditLogEntry.objects.filter(action__startswith="llm_budget.").order_by("-pk")[:10],
        "form": form,
        "table_as_of": as_of(),
    }
    return render(request, "governance/llm.html", context, status=422 if form.errors else 200)
