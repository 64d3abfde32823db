"""What a policy would have blocked of what really happened: asked before it is saved. Reads, changes nothing.

Of the newest 20,000 attempts and 50,000 webhooks of the time asked for; beyond that it counts these alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automate.ids import first_id_at
from automate.models import Event, StepRun
from automate.policy.effective import Policy
from automate.policy.window import WINDOW_MS, Window
from automate_governance.egress import EgressDenied, EgressError, Target, parse_target

MAX_ATTEMPTS = 20_000
MAX_EVENTS = 50_000


@dataclass(frozen=True)
class WouldBlock:
    """`count` of what was let through would not have been, or would have waited."""

    rule: str
    subject: str
    count: int
    outcome: str = "denied"


def would_have_blocked(policy: Policy, *, since: datetime) -> list[WouldBlock]:
    """The rules of `policy` over what has happened since then in the current workspace, the most frequent first."""
    counts: Counter[tuple[str, str, str]] = Counter()
    counts.update(_attempts(policy, since))
    counts.update(_webhooks(policy, since))
    return [WouldBlock(rule, subject, count, outcome) for (rule, subject, outcome), count in counts.most_common(100)]


def _attempts(policy: Policy, since: datetime) -> Iterator[tuple[str, str, str]]:
    paces: dict[str, Window] = {}
    found = StepRun.objects.filter(run_id__gte=first_id_at(since)).order_by("-run_id")
    rows = found.values_list("connector", "action", "input__url", "started_at")[:MAX_ATTEMPTS]
    for connector, action, url, started_at in sorted(rows, key=lambda row: row[3]):
        if policy.connector_denial(connector, action) is not None:
            yield "connector_allowlist", f"{connector}.{action}", "denied"
            continue
        target = _target(url)
        if target is None:
            continue
        subject = f"{target.host}:{target.port}"
        try:
            policy.egress.check_host(target)
        except EgressDenied:
            yield "host_allowlist", subject, "denied"
            continue
        now_ms = int(started_at.timestamp() * 1000)
        for rate in policy.host_rates(target):
            pace = paces.setdefault(f"{rate.layer}:{rate.pattern}", Window())
            if not _fits(pace, now_ms, rate.per_minute):
                yield "outbound_rates", subject, "waited"


def _webhooks(policy: Policy, since: datetime) -> Iterator[tuple[str, str, str]]:
    whole = policy.limit("webhook_rate")
    if whole is None and not any(layer.rules.endpoint_rates for layer in policy.layers):
        return
    outcome = "waited" if policy.over_limit == "hold" else "denied"
    events = Event.objects.filter(id__gte=first_id_at(since), source__startswith="webhook:").order_by("-id")
    windows: dict[str, Window] = {}
    for source, received_at in sorted(events.values_list("source", "received_at")[:MAX_EVENTS], key=lambda row: row[1]):
        now_ms, slug = int(received_at.timestamp() * 1000), source.partition(":")[2]
        own = policy.endpoint_limit(slug)
        if own is not None and not _fits(windows.setdefault(slug, Window()), now_ms, own.value):
            yield "endpoint_rates", slug, outcome
        elif whole is not None and not _fits(windows.setdefault("", Window()), now_ms, whole.value):
            yield "webhook_rate", "all endpoints", outcome


def _fits(window: Window, now_ms: int, limit: int) -> bool:
    window.forget(now_ms=now_ms, window_ms=WINDOW_MS)
    if window.earliest(now_ms=now_ms, limit=limit) > now_ms:
        return False
    window.admit(now_ms, limit=limit)
    return True


def _target(url: Any) -> Target | None:
    """Where the attempt went, as far as its recorded input tells; a redacted part of the URL is not its host."""
    try:
        return parse_target("/".join(url.split("/", 3)[:3])) if isinstance(url, str) else None
    except EgressError:
        return None
