"""The workspace's own policy: read, changed with an audit entry, merged with the layers above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from automate import host
from automate.definitions.canonical import same
from automate.execution.flow import places, quotas
from automate.models import PolicyDocument
from automate.policy.effective import Layer, Limit, Policy, merge
from automate.policy.installation import installation_rules, upper_layers
from automate.policy.rules import InvalidPolicy, find_policy_problems, parse
from automate.policy.unkept import find_unkept
from automate.services import audit
from automate_governance.errors import Conflict


@dataclass(frozen=True)
class Stored:
    """The document as it stands; revision 0 is none yet."""

    document: dict[str, Any]
    revision: int
    updated_at: datetime | None = None
    updated_by: str = ""


def stored_policy() -> Stored:
    """The current workspace's document."""
    row = PolicyDocument.objects.filter(pk=PolicyDocument.ONLY).first()
    return Stored(row.document, row.revision, row.updated_at, row.updated_by) if row else Stored({}, 0)


def effective_policy(document: Mapping[str, Any] | None = None) -> Policy:
    """What holds in the current workspace, or would hold with `document` as its own. Raises InvalidPolicy."""
    own = stored_policy().document if document is None else document
    return merge((*upper_layers(), Layer("tenant", parse(own, layer="tenant"))))


def limit_in_force(rule: str) -> Limit | None:
    """What holds of one rule that is a whole number, in the current workspace."""
    plan = parse(host.current().limits_of(rule), layer="plan")
    own = parse(stored_policy().document, layer="tenant")
    layers = (Layer("installation", installation_rules()), Layer("plan", plan), Layer("tenant", own))
    return merge(layers).limit(rule)


@transaction.atomic
def save_policy(
    *, document: dict[str, Any], expected_revision: int, actor: str, now: datetime, ip: str | None = None
) -> Stored:
    """Make `document` the workspace's policy; it holds for the next step, and for the next webhook within 2 s.

    The same content again changes nothing. Raises InvalidPolicy with every problem, and Conflict when the policy is no
    longer at `expected_revision` (0: there is none yet).
    """
    if problems := find_policy_problems(document, layer="tenant") or find_unkept(document):
        raise InvalidPolicy(problems)
    document = {name: value for name, value in document.items() if value is not None}
    PolicyDocument.objects.get_or_create(
        pk=PolicyDocument.ONLY, defaults={"revision": 0, "updated_at": now, "updated_by": actor[:200]}
    )
    row = PolicyDocument.objects.select_for_update().get(pk=PolicyDocument.ONLY)
    if row.revision != expected_revision:
        raise Conflict(
            "Somebody changed the policy meanwhile. Load it again and repeat your change.",
            details={"revision": row.revision},
        )
    before = row.document
    if row.revision and same(before, document):
        return stored_policy()
    row.document, row.revision = document, row.revision + 1
    row.updated_at, row.updated_by = now, actor[:200]
    row.save()
    changed = {name: [before.get(name), document.get(name)] for name in sorted({*before, *document})}
    audit.record(
        actor=actor,
        action="policy.change",
        resource="policy",
        details={
            "revision": row.revision,
            "changed": {name: {"before": old, "after": new} for name, (old, new) in changed.items() if old != new},
        },
        now=now,
        ip=ip,
    )
    host.current().config_changed()
    policy = effective_policy(document)
    host.current().policy_changed(policy)
    limit = policy.limit("max_concurrent_runs")
    places.recap(limit.value if limit else None)
    if any(before.get(rule) != document.get(rule) for rule in quotas.RULES):
        quotas.wake()
    return stored_policy()
