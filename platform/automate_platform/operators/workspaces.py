"""Workspaces: state, plan and usage at a look; suspend, resume, change plan, view as."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import BigIntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from automate_billing import plans, subscriptions
from automate_billing.amounts import shown
from automate_billing.models import Subscription, UsageDay
from automate_governance.errors import NormalizedError
from automate_platform.operators.site import PublicAdmin, actor, site
from automate_tenants import deletion, onboarding, visits
from automate_tenants.models import DispatchTenant, Membership, Tenant
from automate_web.addresses import workspace_url

USAGE_SPAN = timedelta(days=30)
_VISIT = (
    "You see its pages as a Viewer does, for an hour, and change nothing. It stands in its audit log with your reason."
)


class PlanFilter(admin.SimpleListFilter):
    title, parameter_name = "plan", "plan"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(plan.code, plan.name) for plan in plans.all_plans().values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> QuerySet[Tenant]:
        if not self.value():
            return queryset
        return queryset.filter(pk__in=Subscription.objects.filter(plan=self.value()).values("pk"))


class ActionForm(forms.Form):
    """What every action asks for."""

    reason = forms.CharField(max_length=300, help_text="Kept in the workspace's audit log; members read it.")


class PlanForm(forms.Form):
    plan = forms.ChoiceField()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["plan"].choices = [(one.code, one.name) for one in plans.all_plans().values()]  # type: ignore[attr-defined]


class VisitForm(forms.Form):
    reason = forms.CharField(max_length=300, help_text="Such as a ticket's number. The workspace's owners read it.")


class NothingForm(forms.Form):
    """An action that asks for nothing more."""


@admin.register(Tenant, site=site)
class WorkspaceAdmin(PublicAdmin):
    """One page a workspace, with what can be done to it as buttons; each has a page that says what it does."""

    list_display = ("slug", "name", "status", "plan", "events_30_days", "members", "created_at", "first_event_at")
    list_filter = ("status", PlanFilter, "created_at")
    search_fields = ("slug", "name", "schema_name", "memberships__user__email")
    ordering = ("-created_at",)
    change_form_template = "operators/workspace.html"
    fields = readonly_fields = (
        "id", "slug", "name", "schema_name", "status", "suspended_reason", "suspended_at", "delete_at",
        "delete_asked_by", "plan", "plan_since", "usage", "owners", "members", "retention_days", "own_retention_days",
        "timezone", "created_at", "first_event_at", "schema_version", "dispatch", "kept_house_at",
    )  # fmt: skip
    VERBS = {
        "suspend": (ActionForm, "Suspend", "Its pages close, senders and keys are refused, its runs wait."),
        "resume": (NothingForm, "Resume", "It goes on where it was, with whatever waited."),
        "keep": (NothingForm, "Do not delete it", "Its deletion is undone; it goes on where it was."),
        "plan": (PlanForm, "Change plan", "The plan's limits hold at once; what was used stays counted."),
        "visit": (VisitForm, "View as a member", _VISIT),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        since = timezone.now().date() - USAGE_SPAN
        used = UsageDay.objects.filter(tenant_id=OuterRef("pk"), meter="events", day__gte=since)
        sums = used.order_by().values("tenant_id").annotate(sum=Sum("amount")).values("sum")
        people = Membership.objects.filter(tenant_id=OuterRef("pk")).order_by().values("tenant_id")
        counted = people.annotate(count=Sum(1)).values("count")
        found: QuerySet[Tenant] = Tenant.objects.annotate(
            _plan=Subquery(Subscription.objects.filter(pk=OuterRef("pk")).values("plan")),
            _events=Coalesce(Subquery(sums, output_field=BigIntegerField()), 0),
            _members=Coalesce(Subquery(counted, output_field=BigIntegerField()), 0),
        )
        return found

    @admin.display(ordering="_plan")
    def plan(self, tenant: Any) -> str:
        return tenant._plan or f"{plans.default().code} (default)"

    @admin.display(ordering="_events", description="Events, 30 days")
    def events_30_days(self, tenant: Any) -> int:
        return int(tenant._events)

    @admin.display(ordering="_members")
    def members(self, tenant: Any) -> int:
        return int(tenant._members)

    def plan_since(self, tenant: Tenant) -> str:
        since, _ = subscriptions.since_and_plan_of(tenant.pk)
        return f"{since:%Y-%m-%d %H:%M} UTC" if since else "–"

    def usage(self, tenant: Tenant) -> str:
        rows = UsageDay.objects.filter(tenant_id=tenant.pk, day__gte=timezone.now().date() - USAGE_SPAN)
        sums = rows.exclude(meter="storage").order_by().values_list("meter").annotate(Sum("amount"))
        return ", ".join(f"{meter} {shown(meter, amount)}" for meter, amount in sorted(sums)) or "nothing in 30 days"

    def owners(self, tenant: Tenant) -> str:
        found = Membership.objects.filter(tenant_id=tenant.pk, role=Membership.Role.OWNER)
        return ", ".join(found.order_by("pk").values_list("user__email", flat=True))

    def dispatch(self, tenant: Tenant) -> str:
        row = DispatchTenant.objects.filter(pk=tenant.pk).first()
        if row is None:
            return "no row"
        state = row.latest_error or ("ready" if row.ready else "idle")
        return f"{state}; {row.inflight} of {row.max_inflight} jobs in flight"

    # -- what can be done ----------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        do = self.admin_site.admin_view(self.do)
        return [path("<int:tenant_id>/do/<slug:verb>/", do, name="workspace-do"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        tenant = Tenant.objects.filter(pk=int(object_id)).first() if object_id.isdecimal() else None
        verbs = [(verb, self.VERBS[verb][1]) for verb in _verbs(tenant)] if tenant else []
        return super().change_view(request, object_id, form_url, {"verbs": verbs, **(extra_context or {})})

    def do(self, request: HttpRequest, tenant_id: int, verb: str) -> HttpResponse:
        """The page that asks, and does it."""
        tenant = Tenant.objects.filter(pk=tenant_id).first()
        back = reverse("operators:automate_tenants_tenant_changelist")
        if tenant is None or verb not in _verbs(tenant):
            messages.error(request, "That cannot be done to this workspace now.")
            return HttpResponseRedirect(back)
        form_class, title, words = self.VERBS[verb]
        form = form_class(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                return self._done(request, tenant, verb, form.cleaned_data)
            except NormalizedError as error:
                form.add_error(None, error.message)
        context = {**site.each_context(request), "title": f"{title}: {tenant.slug}", "form": form, "words": words,
                   "button": title, "workspace": tenant, "opts": self.opts}  # fmt: skip
        return TemplateResponse(request, "operators/do.html", context, status=422 if form.errors else 200)

    def _done(self, request: HttpRequest, tenant: Tenant, verb: str, given: dict[str, Any]) -> HttpResponse:
        who, now = {"tenant_id": tenant.pk, "actor": actor(request)}, timezone.now()
        if verb == "visit":
            word = visits.begin(operator=request.user, tenant=tenant, reason=given["reason"], now=now)
            self.log_change(request, tenant, f"View as: {given['reason']}")
            url = workspace_url(request, tenant.slug, f"/visit/?word={word}")
            return HttpResponseRedirect(url, headers={"Referrer-Policy": "no-referrer"})
        if verb == "suspend":
            onboarding.suspend(**who, reason=given["reason"], now=now)
        elif verb == "resume":
            onboarding.resume(**who, now=now)
        elif verb == "keep":
            deletion.undo(**who, now=now)
        else:
            subscriptions.change_plan(**who, plan=given["plan"], now=now)
        self.log_change(request, tenant, f"{verb} {given}")
        messages.success(request, format_html("{}: done.", self.VERBS[verb][1]))
        return HttpResponseRedirect(reverse("operators:automate_tenants_tenant_change", args=[tenant.pk]))


def _verbs(tenant: Tenant) -> list[str]:
    """What can be done to it in the state that it is in."""
    if tenant.status == Tenant.Status.SUSPENDED:
        return ["resume", "plan"]
    if tenant.status == Tenant.Status.DELETING:
        return ["keep"]
    return ["suspend", "plan", "visit"]
