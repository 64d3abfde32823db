"""What every template knows: the workspace, its navigation and banners, the theme, the live stream's address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from automate_tenants.models import Membership, Preference
from automate_web import live, mailbox
from automate_web.accounts import email_code
from automate_web.addresses import app_url
from automate_web.banners import Banner, Facts, banners, usage_words, weightiest
from automate_web.preferences import own_theme
from automate_web.requests import tenant_of
from automate_web.waiting import Standing, standing

THEMES = tuple(Preference.Theme.values)
PAGES = {
    "": [
        ("Home", "home", "automate.view_members"),
        ("Start", "start", "automate.view_event"),
        ("Workflows", "workflows", "automate.view_workflow"),
        ("Runs", "runs", "automate.view_run"),
        ("Events", "events", "automate.view_event"),
        ("Failures", "failures", "automate.view_run"),
        ("Approvals", "approvals", "automate.view_run"),
        ("Webhooks", "endpoints", "automate.view_event"),
        ("Schedules", "schedules", "automate.view_workflow"),
        ("Connectors", "connectors", "automate.view_workflow"),
    ],
    "Governance": [
        ("Stored Secrets", "secrets", "automate.view_secrets"),
        ("Policies", "policies", "automate.view_policy"),
        ("LLM spend", "llm", "automate.view_policy"),
        ("Kill switch", "halts", "automate.view_workflow"),
        ("Audit", "audit", "automate.view_audit"),
    ],
    "Developers": [("API keys", "keys", "automate.view_keys")],
    "Workspace": [
        ("Usage", "usage", "automate.view_billing"),
        ("Team", "team", "automate.view_members"),
        ("Settings", "settings", "automate.view_members"),
    ],
}
BESIDE = [("Notifications", "notifications", "automate.view_members")]  # no items of the navigation
GO_TO = {"h": "home", "w": "workflows", "r": "runs", "e": "events", "f": "failures", "u": "usage", "t": "team"}


@dataclass(frozen=True)
class ShownBanner:
    """A banner, and the address of its action for this member ("": they may not take it)."""

    banner: Banner
    url: str


@dataclass(frozen=True)
class NavItem:
    label: str
    url: str
    is_current: bool
    count: str = ""  # what waits there for somebody


def portal(request: HttpRequest) -> dict[str, Any]:
    """The context processor named in TEMPLATES. Only pages that exist, and that the member may see, are listed."""
    known = {
        "theme": own_theme(request, ""),
        "themes": THEMES,
        "trace_id": getattr(request, "trace_id", ""),
        "app_root": app_url(request, ""),
        "mailbox_is_open": mailbox.is_open(request),
    }
    tenant, membership = tenant_of(request), getattr(request, "membership", None)
    if tenant is None or membership is None or not request.user.is_authenticated:  # logged out a moment ago
        return known
    now_standing = standing(membership, timezone.now())
    is_confirmed = email_code.is_confirmed(request)
    shown = _shown(request, now_standing, is_confirmed=is_confirmed)
    heaviest = weightiest(now_standing.alerts)
    navigation = _navigation(request, now_standing.counts)
    labels = {name: label for label, name in pages_for(request)}
    return {
        **known,
        "theme": own_theme(request, now_standing.theme),
        "times": now_standing.times,
        "workspace": request.workspace,  # type: ignore[attr-defined]  # set by WorkspaceMiddleware
        "membership": membership,
        "email_is_unconfirmed": not is_confirmed,
        "navigation": navigation,
        "page_kind": _kind(request, navigation),
        "shortcuts": [(key, labels[name], reverse(name)) for key, name in GO_TO.items() if name in labels],
        "live_url": live.stream_url(tenant),
        "halted": now_standing.halted,
        "usage_warning": usage_words(heaviest) if heaviest else None,
        "unread": now_standing.counts.get("unread", ""),
        "banner": shown[0] if shown else None,
        "banners": shown,
        "other_banners": len(shown) - 1,
        "live_seconds": int(live.RENEW_AFTER.total_seconds()),
    }


def shown_banners(request: HttpRequest) -> list[ShownBanner]:
    """Those that hold for the member and were not put away, the gravest first; asked of the database anew."""
    membership: Membership = request.membership  # type: ignore[attr-defined]  # set by MembershipMiddleware
    now_standing = standing(membership, timezone.now())
    return _shown(request, now_standing, is_confirmed=email_code.is_confirmed(request))


def _shown(request: HttpRequest, now_standing: Standing, *, is_confirmed: bool) -> list[ShownBanner]:
    workspace = request.workspace  # type: ignore[attr-defined]  # set by WorkspaceMiddleware
    facts = Facts(
        alerts=now_standing.alerts,
        halted=now_standing.halted,
        delete_at=workspace.delete_at,
        is_stopped=workspace.is_stopped,
        unconfirmed="" if is_confirmed or request.path == reverse("start") else request.user.email,  # type: ignore[union-attr]
    )
    found = banners(facts, put_away=now_standing.put_away)
    return [ShownBanner(each, _url(request, each)) for each in found]


def _url(request: HttpRequest, banner: Banner) -> str:
    """Where its action is; "" for who may not take it."""
    if banner.needs and not request.user.has_perm(banner.needs):
        return ""
    return app_url(request, banner.target) if banner.target.startswith("/") else reverse(banner.target) + banner.anchor


def pages_for(request: HttpRequest) -> list[tuple[str, str]]:
    """Label and URL name of each page in the navigation, or beside it, that the member may see."""
    return [
        (label, name)
        for items in (*PAGES.values(), BESIDE)
        for label, name, permission in items
        if request.user.has_perm(permission)
    ]


def _navigation(request: HttpRequest, waiting: dict[str, str]) -> dict[str, list[NavItem]]:
    seen = {name for _label, name in pages_for(request)}
    return {
        group: [
            NavItem(label, reverse(name), _is_at(request.path, name), waiting.get(name, ""))
            for label, name, _permission in items
            if name in seen
        ]
        for group, items in PAGES.items()
    }


def _is_at(path: str, name: str) -> bool:
    """Whether the path is that page or one below it; every page is below Home, which is itself alone."""
    return path == reverse(name) if name == "home" else path.startswith(reverse(name))


def _kind(request: HttpRequest, navigation: dict[str, list[NavItem]]) -> str:
    """The page of the navigation that this page belongs to, as a path inside the workspace."""
    prefix = str(request.META.get("SCRIPT_NAME", ""))
    current = (item.url.removeprefix(prefix) for items in navigation.values() for item in items if item.is_current)
    return next(current, "/")
