"""The other public rows, to be looked at; what operators do with some is an action. No secret is in any list."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from automate_billing.models import Subscription, UsageAlert
from automate_governance.errors import NormalizedError
from automate_platform import workspaces
from automate_platform.operators.site import PublicAdmin, actor, site
from automate_tenants import failed_signups
from automate_tenants.models import (
    AccountEvent,
    ApiKey,
    DeletedWorkspace,
    DispatchTenant,
    FailedSignup,
    FeatureSwitch,
    Invitation,
    Membership,
    OperatorVisit,
    Preference,
    RefusalEpisode,
    TenantMigration,
    WorkspaceExport,
)

User = get_user_model()


class ByTenant(PublicAdmin):
    """Rows that name their workspace by its id."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in self.opts.fields if field.name not in (self.exclude or ())]


@admin.register(User, site=site)
class PersonAdmin(PublicAdmin):
    list_display = ("email", "date_joined", "last_login", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff", "date_joined")
    search_fields = ("email", "=id", "memberships__tenant__slug")
    fields = readonly_fields = ("id", "email", "date_joined", "last_login", "is_active", "is_staff", "workspaces")
    ordering = ("-pk",)

    def workspaces(self, person: Any) -> str:
        found = Membership.objects.filter(user_id=person.pk).select_related("tenant").order_by("tenant__slug")
        return ", ".join(f"{one.tenant.slug} ({one.role})" for one in found) or "none"


@admin.register(Membership, site=site)
class MembershipAdmin(PublicAdmin):
    list_display = ("tenant", "user", "role", "created_at", "latest_seen_at")
    list_filter = ("role", "created_at")
    search_fields = ("tenant__slug", "user__email")
    fields = readonly_fields = ("id", "tenant", "user", "role", "created_at", "latest_seen_at")
    list_select_related = ("tenant", "user")


@admin.register(Invitation, site=site)
class InvitationAdmin(PublicAdmin):
    list_display = ("email", "tenant", "role", "created_at", "expires_at", "accepted_at", "revoked_at")
    list_filter = ("role", "created_at")
    search_fields = ("email", "tenant__slug")
    fields = readonly_fields = (
        "id",
        "tenant",
        "email",
        "role",
        "created_at",
        "expires_at",
        "accepted_at",
        "revoked_at",
    )
    list_select_related = ("tenant",)


@admin.register(ApiKey, site=site)
class ApiKeyAdmin(PublicAdmin):
    list_display = ("name", "tenant", "prefix", "last4", "created_at", "latest_used_at", "expires_at", "revoked_at")
    list_filter = ("created_at", "revoked_at")
    search_fields = ("name", "prefix", "tenant__slug")
    fields = readonly_fields = ("id", "tenant", "name", "prefix", "last4", "scopes", "created_by", "created_at",
                                "expires_at", "revoked_at", "latest_used_at")  # fmt: skip
    list_select_related = ("tenant",)


@admin.register(Subscription, site=site)
class SubscriptionAdmin(ByTenant):
    list_display = ("tenant_id", "plan", "since", "changed_by", "looked_at")
    list_filter = ("plan", "since")
    search_fields = ("=tenant_id", "plan", "changed_by")


@admin.register(UsageAlert, site=site)
class UsageAlertAdmin(ByTenant):
    list_display = ("tenant_id", "period", "meter", "percent", "used", "included", "at", "told_at")
    list_filter = ("meter", "percent", "period")
    search_fields = ("=tenant_id",)


@admin.register(DispatchTenant, site=site)
class DispatchAdmin(ByTenant):
    list_display = ("tenant_id", "schema_name", "ready", "inflight", "max_inflight", "weight", "wake_at",
                    "paused_until", "latest_error")  # fmt: skip
    list_filter = ("ready", "paused_until", "halted_at")
    search_fields = ("=tenant_id", "schema_name", "latest_error")


@admin.register(TenantMigration, site=site)
class MigrationAdmin(ByTenant):
    list_display = ("tenant_id", "version", "status", "started_at", "ended_at", "error")
    list_filter = ("status", "started_at")
    search_fields = ("=tenant_id", "version", "error")


@admin.register(RefusalEpisode, site=site)
class RefusalAdmin(ByTenant):
    list_display = ("tenant_id", "endpoint_id", "code", "started_at", "latest_at", "message")
    list_filter = ("code", "started_at")
    search_fields = ("=tenant_id", "code", "message")


@admin.register(WorkspaceExport, site=site)
class ExportAdmin(ByTenant):
    list_display = ("id", "tenant_id", "status", "is_raw", "asked_by", "created_at", "size_bytes", "error")
    list_filter = ("status", "is_raw", "created_at")
    search_fields = ("=tenant_id", "asked_by")


@admin.register(DeletedWorkspace, site=site)
class DeletedAdmin(ByTenant):
    list_display = ("slug", "tenant_id", "asked_by", "begun_at", "ended_at", "latest_error")
    list_filter = ("begun_at", "ended_at")
    search_fields = ("slug", "=tenant_id", "schema_name")


@admin.register(OperatorVisit, site=site)
class VisitAdmin(ByTenant):
    list_display = ("tenant_id", "operator", "reason", "created_at", "entered_at", "expires_at")
    list_filter = ("created_at",)
    search_fields = ("=tenant_id", "operator__email", "reason")


@admin.register(AccountEvent, site=site)
class AccountEventAdmin(ByTenant):
    list_display = ("user", "action", "at", "ip", "browser", "details")
    list_filter = ("action", "at")
    search_fields = ("user__email", "=ip")
    list_select_related = ("user",)


@admin.register(Preference, site=site)
class PreferenceAdmin(ByTenant):
    list_display = ("user", "theme", "times")
    list_filter = ("theme", "times")
    search_fields = ("user__email",)
    list_select_related = ("user",)


@admin.register(LogEntry, site=site)
class OperatorLogAdmin(ByTenant):
    """What operators did here."""

    list_display = ("action_time", "user", "object_repr", "change_message")
    list_filter = ("action_time", "action_flag")
    search_fields = ("user__email", "object_repr", "change_message")


@admin.register(FeatureSwitch, site=site)
class FeatureAdmin(ByTenant):
    """What was said about features; the page of switches says it."""

    list_display = ("feature", "tenant_id", "is_on", "changed_at", "changed_by")
    list_filter = ("feature", "is_on")
    search_fields = ("feature", "=tenant_id")


@admin.register(FailedSignup, site=site)
class FailedSignupAdmin(ByTenant):
    """Workspaces that people did not get. Opening one makes a person who is new, with a password they reset."""

    list_display = ("at", "email", "name", "slug", "error", "settled_at", "settled_by")
    list_filter = ("settled_at", "at")
    search_fields = ("email", "slug", "error")
    actions = ("open", "put_aside")

    def has_open_permission(self, request: HttpRequest) -> bool:
        return site.has_permission(request)

    @admin.action(description="Open the workspace for them now", permissions=["open"])
    def open(self, request: HttpRequest, chosen: QuerySet[FailedSignup]) -> None:
        for failed in chosen.filter(settled_at=None):
            try:
                workspaces.open_for(email=failed.email, slug=failed.slug, name=failed.name)
            except NormalizedError as error:
                messages.error(request, f"{failed.slug}: {error.message}")
                continue
            failed_signups.settle(failed, by=actor(request), now=timezone.now())
            self.log_change(request, failed, "opened")
            messages.success(request, f"{failed.slug} is open for {failed.email}. Tell them to reset the password.")

    @admin.action(description="Put aside", permissions=["open"])
    def put_aside(self, request: HttpRequest, chosen: QuerySet[FailedSignup]) -> None:
        done = sum(failed_signups.settle(failed, by=actor(request), now=timezone.now()) for failed in chosen)
        messages.success(request, f"Put aside: {done}.")
