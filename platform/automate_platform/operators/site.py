"""The site: reachable on the operators' host alone, by staff who proved a second factor in this very session."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils import timezone

from automate_billing import plans
from automate_platform.operators import figures
from automate_platform.operators.log_in import LogInForm, is_proven

_ELSEWHERE = {"password_change", "password_change_done"}  # on the Account page of the app


class Operators(admin.AdminSite):
    site_header = site_title = "Operators"
    index_title = "This installation"
    site_url = None
    login_form = LogInForm
    login_template = "operators/log_in.html"
    index_template = "operators/index.html"
    enable_nav_sidebar = False
    final_catch_all_view = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff, with a second factor proven here: a session of another host counts for nothing."""
        user = request.user
        return bool(user.is_active and getattr(user, "is_staff", False) and is_proven(request))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from automate_platform.operators import stuck, switch

        own = [
            path("stuck/", self.admin_view(stuck.page), name="stuck"),
            path("switch/", self.admin_view(switch.page), name="switch"),
        ]
        ours = [url for url in super().get_urls() if getattr(url, "name", "") not in _ELSEWHERE]
        return [*own, *ours]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(
            request,
            {"figures": figures.now(timezone.now()), "plans": plans.all_plans().values(), **(extra_context or {})},
        )


site = Operators(name="operators")


class PublicAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows to look at. Nobody adds, changes or deletes any by hand: what may be done is an action or a page of its own.

    Who is on the site may see all of it; Django's table of permissions is not asked.
    """

    actions_on_bottom = False
    list_per_page = 50
    show_full_result_count = False

    @property
    def media(self) -> forms.Media:
        """No script of forms that nobody fills in (76 KB); where rows can be chosen, the one that counts them."""
        return forms.Media(js=["admin/js/actions.js"] if self.actions else [])

    def has_module_permission(self, request: HttpRequest) -> bool:
        return site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return site.has_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def actor(request: HttpRequest) -> str:
    """How audit logs name the operator."""
    return f"operator:{request.user.get_username()}"
