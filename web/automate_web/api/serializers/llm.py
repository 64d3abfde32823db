"""What language models cost."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from automate_web.api.serializers.fields import JsonObject, Micros, Time


class LLMShare(serializers.Serializer[Any]):
    """Part of a day's spend."""

    key = serializers.CharField(help_text="A workflow's id, empty for calls outside of workflows; or a model's name.")
    calls = serializers.IntegerField()
    cost_usd = Micros(source="cost_micros")
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class LLMMonth(serializers.Serializer[Any]):
    """A month's calls of one model, after the ledger has deleted them."""

    month = serializers.CharField(help_text="As 2026-11.")
    model = serializers.CharField()
    calls = serializers.IntegerField()
    cost_usd = Micros(source="cost_micros")
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class LLMUsage(serializers.Serializer[Any]):
    """A day's spend on language models, in the workspace's zone."""

    day = serializers.CharField()
    time_zone = serializers.CharField()
    resets_at = Time(allow_null=True, help_text="When the budget begins anew; null for a day that is over.")
    spent_usd = Micros(source="spent_micros")
    reserved_usd = Micros(source="reserved_micros", help_text="Set aside for calls under way; counts like spent.")
    unreconciled_usd = Micros(source="unreconciled_micros", help_text="Of what is spent: calls whose answer was lost.")
    cap_usd = Micros(source="cap_micros", allow_null=True)
    calls = serializers.IntegerField()
    by_workflow = LLMShare(many=True)
    by_model = LLMShare(many=True)
    earlier = LLMMonth(many=True, help_text="Totals of calls older than 400 days, the newest month first.")


class LLMCall(serializers.Serializer[Any]):
    """One call of a model, and what it cost."""

    id = serializers.UUIDField()
    at = Time()
    day = serializers.CharField()
    status = serializers.ChoiceField(choices=["reserved", "settled", "released", "unreconciled"])
    action = serializers.CharField()
    provider = serializers.CharField()
    model = serializers.CharField()
    workflow_id = serializers.UUIDField(allow_null=True)
    version_id = serializers.UUIDField(allow_null=True)
    run_id = serializers.UUIDField(allow_null=True)
    step_id = serializers.CharField()
    attempt = serializers.IntegerField()
    input_tokens = serializers.IntegerField(allow_null=True)
    cached_tokens = serializers.IntegerField(allow_null=True)
    output_tokens = serializers.IntegerField(allow_null=True)
    reserved_usd = Micros(source="reserved_micros")
    cost_usd = Micros(source="cost_micros")
    usage_from = serializers.CharField(help_text="provider, reserved, cache, evidence, or empty.")
    finish_reason = serializers.CharField()
    error_code = serializers.CharField()


class LLMPreferencesBody(serializers.Serializer[Any]):
    """The workspace's choices about models; it is replaced as a whole."""

    keeps_prompts = serializers.BooleanField(required=False, help_text="Redacted, in the ledger.")
    prices = serializers.ListField(
        child=JsonObject(), required=False, help_text="`model`, `input`, `output`: dollars per million tokens."
    )


class LLMPreferences(LLMPreferencesBody):
    """The workspace's choices about models."""

    table_as_of = serializers.CharField(help_text="The date of the kept price table.")
