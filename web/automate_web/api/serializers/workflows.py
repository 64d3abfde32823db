"""Workflows, versions and problems."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from automate.models import (
    Workflow,
)
from automate_web.api.serializers.fields import AnyJson, Input, JsonObject, Text, Time
from automate_web.api.serializers.summaries import VersionRef


class ActiveVersion(VersionRef):
    published_at = Time()


class WorkflowSummary(serializers.Serializer[Workflow]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["draft", "live", "disabled"])
    is_sample = serializers.BooleanField()
    draft_revision = serializers.IntegerField(help_text="For `If-Match`: rises with each saved change.")
    active_version = ActiveVersion(allow_null=True)
    created_at = Time()
    updated_at = Time()


class WorkflowDetail(WorkflowSummary):
    """A workflow and its draft: the whole definition being edited."""

    draft = JsonObject()


class Version(VersionRef):
    """An immutable snapshot of a definition: what runs."""

    trigger = JsonObject(source="trigger_spec")
    rule = AnyJson(help_text="JSONLogic; null matches every event of the trigger.")
    steps = serializers.ListField(child=serializers.DictField())
    options = JsonObject(help_text="Every other field of the definition: finally, deadline_seconds, policy…")
    note = serializers.CharField()
    published_by = serializers.CharField()
    published_at = Time()


class NewVersion(Input):
    """What to say about the version being published."""

    note = Text(max_length=300, required=False, allow_blank=True, default="")


class Problem(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="JSON pointer into the definition.")
    code = serializers.CharField()
    message = serializers.CharField()
    severity = serializers.ChoiceField(
        choices=["error", "warning"], help_text="A warning keeps nothing from being done."
    )


class Validation(serializers.Serializer[Any]):
    """Every problem of a definition; publishing it would be refused while one of them is an error."""

    valid = serializers.BooleanField()
    problems = Problem(many=True)
