"""The components of the portal on one page, each in every state: what a new screen is put together from.

The page uses the templates and the style sheet that every other page uses; there is nothing of its own to drift.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from automate_tenants.middleware import without_membership
from automate_web.cursor import Page
from automate_web.filters import in_force
from automate_web.pages.conditions import Condition
from automate_web.templatetags.portal import ICONS, STATES

COLOURS = {
    "Surfaces": ["page", "panel", "sunken", "line", "line-strong"],
    "Ink": ["ink", "ink-2", "ink-3", "primary", "accent"],
    "States": ["ok", "bad", "run", "wait", "held", "mute"],
    "Behind states": ["ok-soft", "bad-soft", "run-soft", "wait-soft", "held-soft", "mute-soft", "accent-soft"],
}
FILTERS = "status=failed&workflow=order-flow"
SIZES = ["xs", "sm", "md", "lg", "xl", "2xl"]
RULE = Condition(
    "All of these",
    "unmet",
    False,
    children=[
        Condition("payload.order.total > 100", "met", False, [("payload.order.total", "150")]),
        Condition('payload.country is one of "DE", "AT"', "unmet", True, [("payload.country", '"FR"')]),
        Condition("payload.paid is true", "skipped", False),
        Condition("payload.discount < 0.5", "error", False, error="“ten” is no number."),
    ],
)


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="Name", help_text="What people see.", initial="Daily report")
    email = forms.EmailField(label="E-mail", required=False)
    rate = forms.IntegerField(label="Requests a minute", min_value=1, required=False)
    plan = forms.ChoiceField(label="Plan", choices=[("free", "Free"), ("pro", "Pro")], required=False)
    note = forms.CharField(label="Note (optional)", widget=forms.Textarea(attrs={"rows": 2}), required=False)
    is_shared = forms.BooleanField(label="Everybody in the workspace may see it", required=False)


class WrongForm(SampleForm):
    prefix = "wrong"


@require_GET
@without_membership
def components(request: HttpRequest) -> HttpResponse:
    """GET /docs/components/"""
    wrong = WrongForm({"wrong-name": "", "wrong-email": "ann@", "wrong-rate": "0", "wrong-plan": "free"})
    wrong.add_error(None, "Somebody else has saved this meanwhile. Look at their version first.")
    context: dict[str, Any] = {
        "colours": COLOURS,
        "sizes": SIZES,
        "states": list(STATES),
        "icons": list(ICONS),
        "form": SampleForm(),
        "wrong": wrong,
        "rule": RULE,
        "chips": in_force(QueryDict(FILTERS), "status", "workflow"),
        "page": Page([], "older", "newer"),
        "sample_json": {"id": "A-1", "total": 150, "paid": True, "note": None, "items": [{"sku": "S-1"}]},
        "now": timezone.now(),
    }
    return render(request, "design/components.html", context)
