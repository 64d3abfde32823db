"""What is told from rows that stand there anyway: budgets, keys, invitations, secrets, endpoints that refuse.

`lately` looks at what work and refusals leave behind and is cheap; `whole` at what comes with the calendar, once an
hour. Both in the tenant's scope; looking twice tells nothing twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, Sum

from automate.models import WebhookEndpoint, Workflow
from automate.secrets import backends, references
from automate_llm.models import Budget
from automate_tenants.context import current_tenant
from automate_tenants.invitations import open_invitations
from automate_tenants.keys import live_keys
from automate_tenants.models import RefusalCount, RefusalEpisode, RequestCount
from automate_tenants.notifications import failures, kinds
from automate_tenants.notifications.making import notify

OVERLAP = timedelta(minutes=10)  # transactions that were open at the look before; clocks that differ
KEY_ENDS, KEY_IDLE, INVITATION_ENDS = timedelta(days=7), timedelta(days=90), timedelta(days=2)
REFUSED = 10  # requests of an endpoint within an hour, and none accepted


def lately(*, since: datetime, now: datetime) -> None:
    """What happened after `since`, and a little before it."""
    failures.tell(since=since - OVERLAP, now=now)
    _budgets(since - OVERLAP, now)
    _endpoints(now)


def whole(*, now: datetime) -> None:
    """What nothing but time, or a change of the configuration, brings about."""
    _keys(now)
    _invitations(now)
    _secrets(now)


def _budgets(since: datetime, now: datetime) -> None:
    """`alerted_percent` is durable and rises once for each threshold (`automate_llm.budgets.alerts`)."""
    passed = Budget.objects.filter(updated_at__gt=since, alerted_percent__gt=0, cap_micros__gt=0)
    for row in passed.exclude(scope=Budget.Scope.RUN):
        whose = "The workspace"
        if row.scope == Budget.Scope.WORKFLOW:
            known = Workflow.objects.filter(pk=UUID(row.subject)).values_list("name", flat=True).first()
            whose = f"The workflow {known or row.subject}"
        at_end = row.alerted_percent >= 100
        used = "all" if at_end else f"{row.alerted_percent} %"
        notify(
            kind=kinds.BUDGET,
            key=f"llm:{row.scope}:{row.subject}:{row.period}:{row.alerted_percent}",
            title=f"{whose} has used {used} of its LLM budget of {row.period}",
            text=(
                f"${row.spent_micros / 1e6:,.2f} of ${(row.cap_micros or 0) / 1e6:,.2f} are spent. "
                + ("Further calls are refused until the day ends." if at_end else "At the end of it calls are refused.")
            ),
            path="/governance/llm/",
            details={
                "scope": row.scope,
                "subject": row.subject,
                "period": row.period,
                "percent": row.alerted_percent,
                "spent_micros": row.spent_micros,
                "cap_micros": row.cap_micros,
            },
            now=now,
        )


def _endpoints(now: datetime) -> None:
    tenant_id, since = current_tenant().id, now - timedelta(hours=1)
    open_now = RefusalEpisode.objects.filter(tenant_id=tenant_id, latest_at__gt=since)
    for episode in open_now:
        counts = RefusalCount.objects.filter(tenant_id=tenant_id, endpoint_id=episode.endpoint_id, minute__gte=since)
        refused = counts.aggregate(sum=Sum("count"))["sum"] or 0
        endpoint = WebhookEndpoint.objects.filter(pk=episode.endpoint_id).first()
        if refused < REFUSED or endpoint is None or _accepts(endpoint, since):
            continue
        notify(
            kind=kinds.ENDPOINT,
            key=f"endpoint:{endpoint.pk}:{now:%Y-%m-%d}",
            subject=f"endpoint:{endpoint.pk}",
            title=f"The webhook {endpoint.slug} refuses everything that is sent to it",
            text=f"{refused} requests within an hour, none accepted. The first was refused because: {episode.message}",
            path=f"/webhooks/{endpoint.pk}/",
            count=refused,
            details={"endpoint": endpoint.slug, "code": episode.code, "refused": refused},
            now=now,
        )


def _accepts(endpoint: WebhookEndpoint, since: datetime) -> bool:
    """Whether it took a request since then, as gateways count; a repeat of one that was taken before is one, too."""
    counts = RequestCount.objects.filter(tenant_id=current_tenant().id, endpoint_id=endpoint.pk)
    return counts.filter(latest_at__gte=since).exists()


def _keys(now: datetime) -> None:
    live = live_keys(current_tenant().id, now)
    for key in live.filter(expires_at__lt=now + KEY_ENDS):
        ends_at = key.expires_at or now
        used = "It was used lately." if key.latest_used_at and key.latest_used_at > now - KEY_ENDS else ""
        notify(
            kind=kinds.KEY,
            key=f"key-ends:{key.pk}:{ends_at:%Y-%m-%d}",
            subject=f"key:{key.pk}",
            title=f"The API key {key.name} stops working on {ends_at:%Y-%m-%d %H:%M} UTC",
            text=f"{key.prefix}…{key.last4}. Give whoever uses it the key that takes its place. {used}".strip(),
            path="/developers/keys/",
            details={"key": key.pk, "name": key.name, "expires_at": ends_at.isoformat()},
            now=now,
        )
    long_ago = now - KEY_IDLE
    idle = Q(latest_used_at__lt=long_ago) | Q(latest_used_at=None, created_at__lt=long_ago)
    for key in live.filter(idle):
        notify(
            kind=kinds.KEY,
            key=f"key-idle:{key.pk}:{key.latest_used_at or key.created_at:%Y-%m-%d}",
            subject=f"key:{key.pk}",
            title=f"Nobody has used the API key {key.name} for {KEY_IDLE.days} days",
            text=f"{key.prefix}…{key.last4}. A key that nobody needs is safest revoked.",
            path="/developers/keys/",
            details={"key": key.pk, "name": key.name},
            now=now,
        )


def _invitations(now: datetime) -> None:
    ending = open_invitations(current_tenant().id).filter(expires_at__gt=now, expires_at__lt=now + INVITATION_ENDS)
    for invitation in ending:
        notify(
            kind=kinds.INVITATION,
            key=f"invitation-ends:{invitation.pk}:{invitation.expires_at:%Y-%m-%d}",
            subject=f"invitation:{invitation.pk}",
            title=f"{invitation.email} has not answered the invitation",
            text=f"It ends on {invitation.expires_at:%Y-%m-%d %H:%M} UTC. Send it again, or revoke it.",
            path="/team/",
            details={"email": invitation.email, "role": invitation.role},
            now=now,
        )


def _secrets(now: datetime) -> None:
    if backends.backend_name() != "db":
        return
    from automate_governance.models import StoredSecret

    used = references.used_by()
    there = set(StoredSecret.objects.filter(name__in=used).values_list("name", flat=True))
    for name in sorted(used.keys() - there):
        live = [flow for flow in used[name] if flow.is_enabled and flow.active_version_id is not None]
        if not live:
            continue  # a draft may name what is still to come
        notify(
            kind=kinds.SECRET,
            key=f"secret:{name}:{live[0].active_version_id}",
            subject=f"secret:{name}",
            title=f"The secret {name} is missing",
            text=f"{', '.join(flow.name for flow in live[:5])} needs it, and fails without it.",
            path="/governance/secrets/",
            details={"name": name, "workflows": [flow.slug for flow in live]},
            now=now,
        )
