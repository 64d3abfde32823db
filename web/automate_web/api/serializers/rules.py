"""Rules asked about an event, and the test cases of a draft."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as fields

from automate_web.api.serializers.fields import AnyJson, Input, JsonObjectOrNull, Text


class Around(Input):
    """What the rule sees of the event, where it is not what the trigger stands for."""

    type = Text(required=False, max_length=200)
    source = Text(required=False, max_length=200)  # type: ignore[assignment]


class NewRuleEvaluation(Input):
    """A rule and what it is asked about."""

    workflow = Text(required=False, help_text="Its id or slug. Its draft's rule is asked, unless another is named.")
    version = fields.IntegerField(required=False, min_value=1, help_text="The version whose rule is asked.")
    rule = AnyJson(required=False, allow_null=True, help_text="A rule of your own to ask.")
    payload = AnyJson(required=False, allow_null=True)
    event_id = fields.UUIDField(required=False, help_text="A past event instead of a payload.")
    event = Around(required=False, help_text="Of a payload.")


class EventShown(fields.Serializer[Any]):
    """What the rule saw of the event besides its payload."""

    id = fields.UUIDField(allow_null=True, help_text="null: it is made up.")
    type = fields.CharField()
    source = fields.CharField()  # type: ignore[assignment]


class RuleEvaluation(fields.Serializer[Any]):
    """What the rule says, condition by condition."""

    matches = fields.BooleanField(allow_null=True, help_text="null: the rule cannot be evaluated; `error` says why.")
    error = fields.CharField()
    failed_at = fields.CharField(help_text="JSON pointer of the first failing condition.")
    condition = fields.CharField(help_text="That condition in words.")
    seen = fields.ListField(child=AnyJson(allow_null=True), help_text="The values it was given, masked ones masked.")
    explain = JsonObjectOrNull(help_text="The rule's tree with what each part saw; null without a rule.")
    event = EventShown()
    is_as_shown = fields.BooleanField(help_text="The rule read a past event's payload with its masks in place.")


class NewRuleTest(Input):
    """A case to keep in the draft. Its payload, or that of a past event, is kept with its masks."""

    name = Text(max_length=120)
    expected = fields.BooleanField(help_text="Whether the rule must match.")
    payload = AnyJson(required=False, allow_null=True)
    event_id = fields.UUIDField(required=False, help_text="A past event whose payload, type and source are kept.")
    event = Around(required=False, help_text="Of a payload.")


class RuleTestShown(fields.Serializer[Any]):
    """One case and how it stands."""

    number = fields.IntegerField(help_text="Its place in the draft's `tests`, from 1.")
    name = fields.CharField()
    event = Around()
    payload = AnyJson(allow_null=True)
    expected = fields.BooleanField()
    matches = fields.BooleanField(allow_null=True, help_text="null: the rule cannot be evaluated.")
    passed = fields.BooleanField()
    message = fields.CharField(help_text="What was expected and what came, with the first failing condition.")


class RuleTests(fields.Serializer[Any]):
    """Every case of the draft, in its order."""

    draft_revision = fields.IntegerField(help_text="For `If-Match`.")
    version_num = fields.IntegerField(allow_null=True, help_text="Whose rule was asked; null: the draft's.")
    results = RuleTestShown(many=True)
