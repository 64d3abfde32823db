"""Settings of the workspace: its name, its time zone, what it demands of members, and where its other switches are."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from automate.retention import configured
from automate_governance.errors import Invalid
from automate_tenants import second_factor, workspace_settings
from automate_tenants.models import Tenant
from automate_web.requests import WorkspaceRequest, actor, demand, workspace_page
from automate_web.widgets import LongSelect


class SettingsForm(forms.Form):
    name = forms.CharField(label="Name", max_length=workspace_settings.MAX_NAME)
    timezone = forms.ChoiceField(
        label="Time zone",
        widget=LongSelect,
        help_text="Budgets and daily limits begin anew at its midnight. Each schedule has a zone of its own.",
    )

    retention_days = forms.IntegerField(label="Keep events and runs for", required=False, min_value=1)

    def __init__(self, *args: Any, longest: int, **kwargs: Any):
        super().__init__(*args, **kwargs)
        words = f"Days after they ended. Your plan allows {longest}; empty is as long as the plan allows."
        self.fields["retention_days"].help_text = words
        self.fields["timezone"].choices = [(zone, zone) for zone in workspace_settings.time_zones()]  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_members")
def page(request: WorkspaceRequest) -> HttpResponse:
    """GET /settings/: all of it. POST changes name and time zone."""
    tenant = Tenant.objects.get(pk=request.tenant.id)
    initial = {"name": tenant.name, "timezone": tenant.timezone, "retention_days": tenant.own_retention_days}
    form = SettingsForm(request.POST or None, initial=initial, longest=workspace_settings.longest_retention(tenant))
    if request.method == "POST":
        demand(request, "automate.manage_workspace")
        if form.is_valid() and _save(request, form):
            messages.success(request, "Saved.", extra_tags="ok")
            return redirect("settings")
    context = {
        "form": form,
        "settings_of": tenant,
        "retention_days": configured().for_days(tenant.kept_days).days,
        "without_factor": second_factor.members_without(tenant.pk),
        "has_own_factor": second_factor.has_one(request.user.pk),
    }
    return render(request, "settings.html", context, status=422 if form.errors else 200)


@require_POST
@workspace_page("automate.require_second_factor")
def factor(request: WorkspaceRequest) -> HttpResponse:
    """POST /settings/second-factor/ with `is_required`: whom the workspace lets in, from the next page on."""
    is_required = request.POST.get("is_required") == "yes"
    try:
        workspace_settings.require_second_factor(by=request.membership, is_required=is_required, now=timezone.now())
    except workspace_settings.NoSecondFactor as error:
        messages.error(request, error.message, extra_tags="bad")
    else:
        words = (
            "Members without a second factor are led to set one up." if is_required else "No second factor is demanded."
        )
        messages.success(request, words, extra_tags="ok")
    return redirect("settings")


def _save(request: WorkspaceRequest, form: SettingsForm) -> bool:
    wanted = {**form.cleaned_data, "retention_days": form.cleaned_data["retention_days"] or 0}
    try:
        workspace_settings.change(tenant_id=request.tenant.id, actor=actor(request), now=timezone.now(), **wanted)
    except Invalid as error:
        form.add_error(error.details.get("param"), error.message)
        return False
    return True
