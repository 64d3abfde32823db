"""Stuck work: jobs that are due and that nobody has taken for minutes, by workspace, and what gets them going."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from automate_platform.operators.site import site
from automate_tenants import stuck
from automate_tenants.models import Tenant


def page(request: HttpRequest) -> HttpResponse:
    """GET /stuck/?minutes=5 looks; POST with `tenant` rings for it, and takes a passing pause away."""
    if request.method == "POST":
        tenant = Tenant.objects.filter(pk=request.POST.get("tenant") or 0).first()
        if tenant is not None:
            was = stuck.set_going(tenant.pk)
            site._registry[Tenant].log_change(request, tenant, f"rang for stuck work ({was})")
            messages.success(request, f"{tenant.slug}: {was}")
        return HttpResponseRedirect(reverse("operators:stuck"))
    typed = request.GET.get("minutes", "5")
    minutes = min(int(typed), 1440) if typed.isdigit() else 5
    context = {
        **site.each_context(request),
        "title": "Stuck work",
        "minutes": minutes,
        "rows": stuck.find(minutes=minutes),
        "looked_at": stuck.LOOKED_AT,
    }
    return TemplateResponse(request, "operators/stuck.html", context)
