"""Stored secrets: never a value on the way out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from automate_governance.models import StoredSecret
from automate_web.api.serializers.fields import Input, Text, Time


class Secret(serializers.Serializer[StoredSecret]):
    """A stored secret, without its value: nothing reads that back."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    reference = serializers.CharField(help_text="What a workflow writes in its place.")
    note = serializers.CharField()
    hosts = serializers.ListField(child=serializers.CharField(), help_text="Where it may be sent; empty: anywhere.")
    version_num = serializers.IntegerField(help_text="Rises with each rotation and restoration.")
    created_at = Time()
    created_by = serializers.CharField()
    rotated_at = Time(allow_null=True)
    latest_used_at = Time(allow_null=True, help_text="By a run, to the minute.")
    used_by = serializers.SerializerMethodField(help_text="Slugs of the workflows that refer to it.")

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_used_by(self, secret: StoredSecret) -> Any:
        return self.context["used_by"].get(secret.name, [])


class NewSecret(Input):
    """A secret to store."""

    name = Text(max_length=100, help_text="Letters, digits, `_`, `.` and `-`.")
    value = Text(trim_whitespace=False, write_only=True, help_text="Never returned.")
    hosts = serializers.ListField(child=Text(max_length=300), required=False, default=list, max_length=50)
    note = Text(max_length=300, required=False, allow_blank=True, default="")


class NewSecretValue(Input):
    """The next value under the same reference."""

    value = Text(trim_whitespace=False, write_only=True, help_text="Never returned.")


class SecretChange(Input):
    """What to change beside the value; absent fields stay."""

    hosts = serializers.ListField(child=Text(max_length=300), required=False, max_length=50)
    note = Text(max_length=300, required=False, allow_blank=True)


class DeletedSecret(serializers.Serializer[Any]):
    """Every value it had is erased."""

    name = serializers.CharField()
    deleted = serializers.BooleanField()
