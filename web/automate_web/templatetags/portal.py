"""How values look: states, times, durations, sizes, JSON. One place for each."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import template
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from automate.triggers.words import in_words
from automate_web import columns
from automate_web import saved_views as views
from automate_web.copy_as import calls_of, lines_of

register = template.Library()


@register.filter
def as_json(value: Any) -> str:
    """As JSON in one line, for a `data-` attribute; the template escapes it.

    >>> as_json({"a": [1, None]})
    '{"a": [1, null]}'
    """
    return json.dumps(value)


EXPORTS = {  # a list, and the same as CSV; workflows, the audit log and usage have their own buttons
    "runs": "runs-csv",
    "events": "events-csv",
    "failures": "failures-csv",
    "keys": "keys-csv",
    "team": "team-csv",
}
ICONS = {
    "flask": "M10 3h4M11 3v6l-6 11h14l-6-11V3M8 15h8",
    "check": "M5 13l4 4L19 7",
    "cross": "M6 6l12 12M18 6L6 18",
    "play": "M8 5l11 7-11 7z",
    "clock": "M12 7v5l3 2M12 21a9 9 0 100-18 9 9 0 000 18z",
    "pause": "M9 6v12M15 6v12",
    "dash": "M6 12h12",
    "question": "M9 9a3 3 0 115 2.2c-1.3 1-2 1.6-2 2.8M12 18h.01",
    "copies": "M9 9h10v10H9zM5 15V5h10",
    "copy": "M9 9h11v11H9zM5 15H4V4h11v1",
    "pencil": "M4 20l4-1L19 8l-3-3L5 16z",
    "warning": "M12 4l9 16H3zM12 10v4M12 17h.01",
    "arrow": "M5 12h14M13 6l6 6-6 6",
    "bell": "M6 16h12l-2-2v-4a4 4 0 00-8 0v4zM10 19h4",
}

# status: (colour, word, icon); the same words in pages, API and CLI
STATES = {
    "queued": ("mute", "Queued", "clock"),
    "running": ("run", "Running", "play"),
    "waiting": ("wait", "Waiting", "clock"),
    "held": ("held", "Held", "pause"),
    "succeeded": ("ok", "Succeeded", "check"),
    "failed": ("bad", "Failed", "cross"),
    "cancelled": ("mute", "Cancelled", "dash"),
    "skipped": ("mute", "Skipped", "dash"),
    "unknown": ("held", "Unknown", "question"),
    "not_run": ("mute", "Not run", "dash"),
    "accepted": ("ok", "Accepted", "check"),
    "duplicate": ("mute", "Duplicate", "copies"),
    "rejected": ("bad", "Rejected", "cross"),
    "test": ("held", "Test", "flask"),
    "started": ("ok", "Started", "play"),
    "no_match": ("mute", "No match", "dash"),
    "draft": ("mute", "Draft", "pencil"),
    "live": ("ok", "Live", "check"),
    "disabled": ("mute", "Disabled", "pause"),
    "active": ("ok", "Active", "check"),
    "expiring": ("wait", "Expiring", "clock"),
    "expired": ("mute", "Expired", "dash"),
    "revoked": ("mute", "Revoked", "cross"),
    "fired": ("ok", "Fired", "check"),
    "caught_up": ("ok", "Caught up", "check"),
    "manual": ("ok", "By hand", "play"),
    "paused": ("wait", "Paused", "pause"),
    "unchecked": ("wait", "Nobody is checked", "warning"),
}

LAYER_WORDS = {"installation": "this installation", "plan": "your plan", "tenant": "this workspace"}


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>', ICONS[name])


@register.simple_tag
def pill(status: str, word: str = "") -> SafeString:
    """A state as icon, word and colour. `word` may say more than the state's own word."""
    colour, own, name = STATES[status]
    return format_html('<span class="pill {}">{}{}</span>', colour, icon(name), word or own)


@register.simple_tag
def dot(status: str) -> SafeString:
    """A state as icon and colour, its word for screen readers and on hover: for the narrow column of a timeline."""
    colour, word, name = STATES[status]
    return format_html(
        '<span class="pill dot {}" title="{}">{}<span class="hidden-visually">{}</span></span>',
        colour,
        word,
        icon(name),
        word,
    )


@register.filter
def ago(when: datetime | None) -> SafeString | str:
    """`2 min ago` in a <time>; the absolute time is its title. Empty says so in words."""
    if when is None:
        return "never"
    return format_html(
        '<time datetime="{}" title="{} UTC" data-relative>{}</time>',
        when.isoformat(timespec="milliseconds"),
        when.astimezone(timezone.get_fixed_timezone(0)).strftime("%Y-%m-%d %H:%M:%S"),
        _ago((timezone.now() - when).total_seconds()),
    )


def _ago(seconds: float) -> str:
    """
    >>> [_ago(n) for n in (1, 59, 120, 7200, 200000)]
    ['just now', '59 s ago', '2 min ago', '2 h ago', '2 d ago']
    """
    if seconds < 5:
        return "just now"
    if seconds < 60:
        return f"{int(seconds)} s ago"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h ago"
    return f"{int(seconds // 86_400)} d ago"


@register.filter
def at(when: datetime | None) -> SafeString | str:
    """The absolute time, to the second, in UTC; a script draws it in local time for who chose that."""
    if when is None:
        return "–"
    text = when.astimezone(timezone.get_fixed_timezone(0)).strftime("%Y-%m-%d %H:%M:%S")
    return format_html('<time datetime="{}" data-absolute>{} UTC</time>', when.isoformat(timespec="milliseconds"), text)


@register.filter
def span(length: timedelta | float | None) -> str:
    """A duration in its two largest units.

    >>> [span(n) for n in (0.0004, 0.1481, 4.307, 75.0, 4000.0, 604_000)]
    ['0.4 ms', '148 ms', '4.31 s', '1 min 15 s', '1 h 6 min', '6 d 23 h']
    """
    if length is None:
        return "–"
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if seconds < 0.001:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    if seconds < 48 * 3600:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
    return f"{int(seconds // 86_400)} d {int(seconds % 86_400 // 3600)} h"


@register.filter
def size(count: int | None) -> str:
    """
    >>> [size(n) for n in (12, 2048, 3 * 1024 * 1024)]
    ['12 B', '2.0 KB', '3.0 MB']
    """
    if count is None:
        return "–"
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"


@register.filter
def thousands(count: int) -> str:
    """
    >>> thousands(1234567)
    '1,234,567'
    """
    return f"{count:,}"


@register.filter
def hexid(value: UUID | str | None) -> str:
    """A trace id as it travels: 32 hex digits."""
    return value.hex if isinstance(value, UUID) else (value or "")


@register.filter
def short(value: UUID | str) -> str:
    """The end of an id, where time-ordered ids differ; the whole id is one click away.

    >>> short("0190b0a0-0000-7000-8000-00000000abcd")
    '…0000abcd'
    """
    return f"…{str(value)[-8:]}"


@register.filter
def pretty(value: Any) -> str:
    """JSON, two spaces, as a person would write it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def json_line(value: Any) -> str:
    """A value as one line of JSON; text as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@register.filter
def coloured(value: Any) -> SafeString:
    """JSON with keys, strings and numbers marked. Built from the parsed value, so nothing in it can be markup."""
    return mark_safe("".join(_coloured(value, 0)))  # noqa: S308  every part is escaped below


def _coloured(value: Any, depth: int) -> list[str]:
    pad, end = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict) and value:
        parts = ["{\n"]
        for number, (key, item) in enumerate(value.items()):
            parts.append(f'{pad}<span class="k">{_text(key)}</span>: ')
            parts += _coloured(item, depth + 1)
            parts.append(",\n" if number < len(value) - 1 else "\n")
        return [*parts, end, "}"]
    if isinstance(value, list) and value:
        parts = ["[\n"]
        for number, item in enumerate(value):
            parts.append(pad)
            parts += _coloured(item, depth + 1)
            parts.append(",\n" if number < len(value) - 1 else "\n")
        return [*parts, end, "]"]
    if isinstance(value, str):
        return [f'<span class="s">{_text(value)}</span>']
    if isinstance(value, dict | list):
        return ["{}" if isinstance(value, dict) else "[]"]
    return [f'<span class="n">{_text(value)}</span>']


def _text(value: Any) -> str:
    return conditional_escape(json.dumps(value, ensure_ascii=False))


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """This page's query string with some parameters changed; None removes one. Changing a filter drops the cursor."""
    now: QueryDict = context["request"].GET.copy()
    if "cursor" not in changes:
        now.pop("cursor", None)
    for name, value in changes.items():
        if value is None:
            now.pop(name, None)
        else:
            now[name] = str(value)
    return f"?{now.urlencode()}"


@register.simple_tag(takes_context=True)
def columns_of(context: dict[str, Any], page: str) -> dict[str, bool]:
    """For each column of a list whether it is shown: `{% columns_of "runs" as cols %}{% if cols.steps %}…`."""
    return columns.shown(page, context["request"])


@register.inclusion_tag("_columns.html", takes_context=True)
def choose_columns(context: dict[str, Any], page: str) -> dict[str, Any]:
    """A form that ticks the columns of a list; it needs no script."""
    request = context["request"]
    codes = columns.chosen(page, request.GET)
    ours = {columns.PARAMETER, "cursor"}
    return {
        "ticks": [(column, not codes or column.code in codes) for column in columns.LISTS[page]],
        "count": len(codes),
        "kept": [(name, value) for name, value in request.GET.items() if name not in ours],
        "all": query(context, columns=None),
    }


@register.simple_tag(takes_context=True)
def csv_of_list(context: dict[str, Any]) -> SafeString | str:
    """A link to the list on this page as CSV, with the filters in force; nothing on other pages."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    name = EXPORTS.get(match.url_name or "") if match is not None else None
    if request is None or name is None or getattr(request, "membership", None) is None:
        return ""
    asked = request.GET.copy()
    asked.pop("cursor", None)
    query = f"?{asked.urlencode()}" if asked else ""
    return format_html('<a class="btn small" href="{}{}" download>CSV</a>', reverse(name), query)


@register.inclusion_tag("_views.html", takes_context=True)
def saved_views(context: dict[str, Any]) -> dict[str, Any]:
    """The tabs above a list: everything, the member's views of it, those that others share; and saving one more."""
    request = context["request"]
    page = request.resolver_match.url_name if request.resolver_match else ""
    if page not in views.LISTS:
        return {}
    tabs = views.tabs(request, page)
    current = next((tab for tab in tabs if tab.is_current), None)
    query = views.query_of(page, request.GET.dict())
    return {
        "page_name": page,
        "list_url": reverse(page),
        "tabs": tabs,
        "current": current,
        "is_all": current is None and not query,
        "is_changed": current is not None and query != current.view.query,
        "has_default": any(tab.view.is_default and tab.is_own for tab in tabs),
        "query": query,
        "may_share": request.user.has_perm("automate.control_run"),
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("_copy_as.html", takes_context=True)
def copy_as(context: dict[str, Any]) -> dict[str, Any]:
    """The requests of the API that do what this page does; nothing where there are none."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    if request is None or match is None or getattr(request, "membership", None) is None:
        return {}
    calls = calls_of(match.url_name or "", match.kwargs, request.GET.dict(), request.user.has_perm)
    may_see_keys = request.user.has_perm("automate.view_keys")
    return {"calls": [(call, lines_of(call)) for call in calls], "may_see_keys": may_see_keys}


@register.filter
def trigger_words(spec: dict[str, Any]) -> str:
    """What starts a workflow."""
    return in_words(spec)


@register.filter
def layer_words(layer: str) -> str:
    """Whose policy a layer is, to a member."""
    return LAYER_WORDS.get(layer, layer)


@register.filter
def may(user: Any, permission: str) -> bool:
    """Whether the member may do what `permission` (without its app) names; a template says why not in words."""
    return bool(user.has_perm(f"automate.{permission}"))


@register.filter
def run_span(row: Any) -> timedelta | None:
    """How long a run or an attempt took, or has taken so far. A run's time in the queue counts."""
    begin = getattr(row, "created_at", None) or row.started_at
    return (row.ended_at or timezone.now()) - begin if begin else None


@register.filter
def until(when: datetime) -> str:
    """How far away a future moment is."""
    seconds = (when - timezone.now()).total_seconds()
    return "now" if seconds < 1 else f"in {span(seconds)}"


@register.filter
def unlocalize(number: float) -> str:
    """A number for markup, whatever the locale."""
    return f"{number:g}"
