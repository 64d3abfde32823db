"""What every template knows: the workspace, its navigation, the theme, the live stream's address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from automate_web import live, mailbox
from automate_web.accounts import email_code
from automate_web.addresses import app_url
from automate_web.requests import tenant_of
from automate_web.waiting import standing

THEMES = ("system", "light", "dark")
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
GO_TO = {"h": "home", "w": "workflows", "r": "runs", "e": "events", "f": "failures", "u": "usage", "t": "team"}


@dataclass(frozen=True)
class NavItem:
    label: str
    url: str
    is_current: bool
    count: str = ""  # what waits there for somebody


def portal(request: HttpRequest) -> dict[str, Any]:
    """The context processor named in TEMPLATES. Only pages that exist, and that the member may see, are listed."""
    theme = request.COOKIES.get("theme")
    known = {
        "theme": theme if theme in THEMES else "system",
        "themes": THEMES,
        "trace_id": getattr(request, "trace_id", ""),
        "app_root": app_url(request, ""),
        "mailbox_is_open": mailbox.is_open(request),
    }
    tenant, membership = tenant_of(request), getattr(request, "membership", None)
    if tenant is None or membership is None:
        return known
    now_standing = standing(timezone.now())
    navigation = _navigation(request, now_standing.counts)
    labels = {name: label for label, name in pages_for(request)}
    return {
        **known,
        "workspace": request.workspace,  # type: ignore[attr-defined]  # set by WorkspaceMiddleware
        "membership": membership,
        "email_is_unconfirmed": not email_code.is_confirmed(request),
        "navigation": navigation,
        "page_kind": _kind(request, navigation),
        "shortcuts": [(key, labels[name], reverse(name)) for key, name in GO_TO.items() if name in labels],
        "live_url": live.stream_url(tenant),
        "halted": now_standing.halted,
        "usage_warning": now_standing.usage,
        "live_seconds": int(live.RENEW_AFTER.total_seconds()),
    }


def pages_for(request: HttpRequest) -> list[tuple[str, str]]:
    """Label and URL name of each page in the navigation that the member may see."""
    return [
        (label, name)
        for items in PAGES.values()
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
