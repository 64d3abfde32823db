"""One page of switches: the engine's kill switch for the whole installation, and features."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from automate_governance.errors import Invalid, NormalizedError
from automate_platform.operators.site import actor, site
from automate_tenants import features, halts
from automate_tenants.models import FeatureSwitch, InstallationHalt, Tenant

_CHOICES = (("on", "On"), ("off", "Off"), ("", "As it comes"))


class HaltForm(forms.Form):
    reason = forms.CharField(max_length=300, required=False, help_text="Shown on every workspace's pages.")


class FeatureForm(forms.Form):
    feature = forms.ChoiceField(choices=[(code, one.words) for code, one in features.FEATURES.items()])
    workspace = forms.SlugField(required=False, help_text="Its address; empty is everybody.")
    state = forms.ChoiceField(choices=_CHOICES, required=False)


def page(request: HttpRequest) -> HttpResponse:
    """GET /switch/; POST with `what`: halt, resume, or feature."""
    halt, feature = HaltForm(), FeatureForm()
    if request.method == "POST":
        what = request.POST.get("what", "")
        halt = HaltForm(request.POST) if what == "halt" else halt
        feature = FeatureForm(request.POST) if what == "feature" else feature
        form = feature if what == "feature" else halt
        try:
            if what == "resume" or form.is_valid():
                messages.success(request, _turn(request, what, form))
                return HttpResponseRedirect(reverse("operators:switch"))
        except NormalizedError as error:
            messages.error(request, error.message)
    context = {
        **site.each_context(request),
        "title": "Switches",
        "halted": InstallationHalt.objects.first(),
        "halt": halt,
        "feature": feature,
        "features": [(code, one, features.is_on(code)) for code, one in features.FEATURES.items()],
        "switches": FeatureSwitch.objects.order_by("feature", "tenant_id"),
    }
    return TemplateResponse(request, "operators/switch.html", context)


def _turn(request: HttpRequest, what: str, form: forms.Form) -> str:
    """What was done, in words. Raises NormalizedError for what cannot be."""
    now, who = timezone.now(), actor(request)
    if what == "resume":
        halts.resume_installation()
        told = halts.tell_workspaces(verb="resume", actor=who, now=now)
        return f"Every workspace goes on; {told} audit logs say so."
    given = form.cleaned_data
    if what == "halt":
        halts.halt_installation(actor=who, now=now, reason=given["reason"])
        told = halts.tell_workspaces(verb="halt", actor=who, now=now, reason=given["reason"])
        return f"Nothing runs any more; {told} audit logs say so."
    tenant = Tenant.objects.filter(slug=given["workspace"]).first() if given["workspace"] else None
    if given["workspace"] and tenant is None:
        raise Invalid("There is no such workspace.")
    is_on = {"on": True, "off": False}.get(given["state"])
    features.switch(feature=given["feature"], tenant_id=tenant.pk if tenant else None, is_on=is_on, actor=who, now=now)
    return "Switched; it holds from the next request on."
