"""What an export holds: a file of JSON Lines for each table of the workspace, and a few of public rows.

A table is exported or named here with the reason why not; a test asks for each. Columns of bytes (sealed values,
hashes, signatures) are never exported. JSON and long texts are redacted as pages redact them, unless the export is raw;
definitions of workflows and policies are no payload and stay as they are, so that they can be imported.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import models

from automate.models import Event, MatchDecision, Workflow, WorkflowVersion
from automate.services import export_definition
from automate_governance.redaction import redact, redact_text
from automate_governance.redaction.current import masking_emails
from automate_tenants.context import current_tenant
from automate_tenants.host import tenant_host
from automate_tenants.models import ApiKey, Invitation, Membership, Tenant

Row = dict[str, Any]
LEFT_OUT = {
    "automate_auditlink": "hashes of the audit log's chain, which the key store of the installation signs",
    "automate_governance_storedsecretversion": "values of secrets: sealed, and never given out",
    "automate_keptanswer": "answers kept for a day for requests that are repeated",
    "automate_llm_cachedanswer": "a sealed cache",
    "automate_outboundpace": "when hosts may be called next: of no use elsewhere",
    "automate_outboxjob": "the queue of work; what it works on is exported",
    "automate_queueplace": "places in the queue of work",
    "automate_runstate": "sealed state that a retry resumes from",
}
NAMES = {
    "automate_auditlogentry": "audit",
    "automate_event": "events",
    "automate_executionrun": "runs",
    "automate_governance_storedsecret": "secrets",
    "automate_matchdecision": "decisions",
    "automate_scheduletick": "schedule_ticks",
    "automate_steprun": "steps",
    "automate_webhookendpoint": "webhooks",
    "automate_workflow": "workflows",
    "automate_workflowversion": "versions",
}
SECRET_COLUMNS = {("automate_webhookendpoint", "token")}  # who knows it may send
AS_THEY_ARE = {"automate_workflow", "automate_workflowversion", "automate_policy", "automate_schedule"}
_LIGHT, _HEAVY = 500, 50  # rows read at once: a payload may be a megabyte


def tables() -> list[type[models.Model]]:
    """The workspace's own tables that are exported, by name."""
    found = [
        model
        for app in apps.get_app_configs()
        if app.name in settings.TENANT_APPS
        for model in app.get_models()
        if model._meta.db_table not in LEFT_OUT
    ]
    return sorted(found, key=file_of)


def file_of(model: type[models.Model]) -> str:
    """
    >>> file_of(Event)
    'events'
    """
    table = model._meta.db_table
    return NAMES.get(table) or table.removeprefix("automate_")


def rows_of(model: type[models.Model], *, is_raw: bool) -> Iterator[Row]:
    """Every row of one table in the order of its key, a page at a time, each page in a statement of its own."""
    columns = [field for field in model._meta.concrete_fields if _is_given(model, field)]
    is_heavy = any(isinstance(field, models.JSONField | models.TextField) for field in columns)
    size = _HEAVY if is_heavy else _LIGHT
    key = model._meta.pk.attname
    rows = model._default_manager.order_by(key).values(*(field.attname for field in columns))
    after: Any = None
    while page := list((rows if after is None else rows.filter(**{f"{key}__gt": after}))[:size]):
        after = page[-1][key]
        yield from (page if is_raw else _redacted(model, columns, page))


def public_rows(tenant: Tenant) -> dict[str, Iterable[Mapping[str, Any]]]:
    """What public tables hold about the workspace, by name of the file: people by e-mail, keys without their text."""
    members = Membership.objects.filter(tenant_id=tenant.pk).order_by("pk")
    invited = Invitation.objects.filter(tenant_id=tenant.pk).order_by("pk")
    keys = ApiKey.objects.filter(tenant_id=tenant.pk).order_by("pk")
    shown = ("name", "prefix", "last4", "scopes", "created_by", "created_at", "expires_at", "revoked_at")
    return {
        "members": members.values("user_id", "user__email", "role", "created_at", "latest_seen_at"),
        "invitations": invited.values("email", "role", "created_at", "expires_at", "accepted_at", "revoked_at"),
        "api_keys": keys.values(*shown, "latest_used_at"),
        **tenant_host().export_rows(tenant),
    }


def definitions() -> Iterator[tuple[str, str]]:
    """Each workflow as the file that `automate_import` takes: what is live, else the draft. (slug, text)."""
    for workflow in Workflow.objects.kept().select_related("active_version").order_by("slug").iterator(_HEAVY):
        live = workflow.active_version
        yield workflow.slug, export_definition(live) if live else as_text(workflow.draft) + "\n"


def about(tenant: Tenant) -> Row:
    """The workspace's own row, as far as it is the customer's."""
    return {
        "slug": tenant.slug,
        "name": tenant.name,
        "timezone": tenant.timezone,
        "created_at": tenant.created_at,
        "retention_days": tenant.kept_days,
        "requires_second_factor": bool(tenant.requires_second_factor),
        "schema": current_tenant().schema_name,
    }


def as_text(value: Any) -> str:
    """One line of JSON: times in ISO 8601 UTC, ids and exact numbers as text, keys in the order of the columns."""
    return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> str:
    """
    >>> _plain(Decimal("1.50")), _plain(date(2026, 11, 22))
    ('1.50', '2026-11-22')
    """
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in an export.")


def _is_given(model: type[models.Model], field: Any) -> bool:
    return not isinstance(field, models.BinaryField) and (model._meta.db_table, field.column) not in SECRET_COLUMNS


def _redacted(model: type[models.Model], columns: list[Any], page: list[Row]) -> Iterator[Row]:
    if model._meta.db_table in AS_THEY_ARE:
        yield from page
        return
    structured = [field.attname for field in columns if isinstance(field, models.JSONField)]
    texts = [field.attname for field in columns if isinstance(field, models.TextField)]
    masked = _masked(page) if model is Event else set()
    for row in page:
        with masking_emails(row.get("id") in masked):
            row |= {name: redact(row[name]) for name in structured}
            row |= {name: redact_text(row[name]) for name in texts if row[name]}
        yield row


def _masked(page: list[Row]) -> set[Any]:
    """Events of a page that a workflow was decided about which masks e-mail addresses."""
    masks = WorkflowVersion.objects.filter(options__policy__mask_emails=True).values("pk")
    found = MatchDecision.objects.filter(event_id__in=[row["id"] for row in page], version_id__in=masks)
    return set(found.values_list("event_id", flat=True))
