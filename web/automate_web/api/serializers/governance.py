"""The audit log and policies."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from automate.models import (
    AuditLogEntry,
)
from automate_web.api.serializers.fields import Input, JsonObject, Time, TraceId


class AuditEntry(serializers.Serializer[AuditLogEntry]):
    """One change or decision. Entries are never altered; `details` was redacted before it was written."""

    id = serializers.UUIDField()
    created_at = Time()
    actor = serializers.CharField(help_text="`user:12`, `key:am_live_ab12`, `operator:...` or `system`.")
    action = serializers.CharField(help_text="Such as `workflow.publish`.")
    resource = serializers.CharField(help_text="Such as `workflow:<id>`.")
    details = JsonObject()
    trace_id = TraceId(allow_null=True)
    ip = serializers.CharField(allow_null=True)


class PolicyRules(Input):
    """One layer of policy; what is left out limits nothing. Rates are per minute, money is US dollars."""

    webhook_rate = serializers.IntegerField(required=False, help_text="Of all endpoints together.")
    endpoint_rates = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="By the endpoint's name; `*` is each."
    )
    over_limit = serializers.ChoiceField(
        choices=["reject", "hold"], required=False, help_text="Webhooks above the rate: refused, or held."
    )
    connector_allowlist = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="`*`, `http`, `http.request`."
    )
    host_allowlist = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="`*`, `api.stripe.com`, `*.stripe.com`, with `:port`."
    )
    outbound_rates = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="By host pattern; calls above it wait."
    )
    api_rate = serializers.IntegerField(required=False, help_text="Of each API key.")
    llm_budget_daily = serializers.CharField(required=False, help_text='A decimal number, such as "10.00".')
    llm_budget_workflow = serializers.CharField(required=False, help_text="Of each workflow a day.")
    llm_budget_run = serializers.CharField(required=False, help_text="Of each run.")
    max_concurrent_runs = serializers.IntegerField(required=False)
    runs_daily = serializers.IntegerField(required=False, help_text="That may begin in a day; more wait for the next.")
    runs_monthly = serializers.IntegerField(required=False, help_text="That may begin in a month; more wait.")
    mask_emails = serializers.BooleanField(
        required=False, help_text="E-mail addresses are redacted as secrets are, in everything written and shown."
    )


class PolicyBlocked(serializers.Serializer[Any]):
    """How often a rule stood in the way of something in 7 days."""

    rule = serializers.CharField()
    layer = serializers.CharField()
    subject = serializers.CharField(help_text="A host with its port, or a connector's action.")
    outcome = serializers.ChoiceField(choices=["denied", "waited"])
    count = serializers.IntegerField()
    latest_at = Time()
    latest_run_id = serializers.UUIDField(allow_null=True)


class PolicyDetail(serializers.Serializer[Any]):
    """The workspace's own layer, what holds with those above it, and what was blocked."""

    document = JsonObject(help_text="The workspace's own rules.")
    revision = serializers.IntegerField(help_text="For `If-Match`; 0 before the first change.")
    updated_at = Time(allow_null=True)
    updated_by = serializers.CharField()
    in_force = JsonObject(help_text="Each limit that holds, with the layer that sets it.")
    blocked = PolicyBlocked(many=True)


class PolicyWouldBlock(serializers.Serializer[Any]):
    rule = serializers.CharField()
    subject = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["denied", "waited"])
    count = serializers.IntegerField()


class PolicyPreview(serializers.Serializer[Any]):
    """What of the last 24 hours a policy would have stood in the way of."""

    would_have_blocked = PolicyWouldBlock(many=True)
