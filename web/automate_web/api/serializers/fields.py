"""Kinds of fields, and what every body and every error has in common."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from automate_llm.money import to_dollars


class Time(serializers.DateTimeField):
    """RFC 3339 in UTC."""

    def __init__(self, **kwargs: Any):
        super().__init__(default_timezone=UTC, **kwargs)


@extend_schema_field({"type": "string", "pattern": "^[0-9a-f]{32}$"})
class TraceId(serializers.UUIDField):
    """32 hex digits, as in `traceparent`."""

    def __init__(self, **kwargs: Any):
        super().__init__(format="hex", **kwargs)


@extend_schema_field({})
class AnyJson(serializers.JSONField):
    """Any JSON value."""


@extend_schema_field({"type": "object", "additionalProperties": True})
class JsonObject(serializers.JSONField):
    """A JSON object with any keys."""


@extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
class JsonObjectOrNull(serializers.JSONField):
    """A JSON object with any keys, or null."""


class Text(serializers.CharField):
    """A string and nothing that could pass for one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Input(serializers.Serializer[Any]):
    """A body: a key that it does not have is refused, so that a typing mistake is not taken for a choice."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError({key[:100]: self._unknown() for key in unknown[:20]})
        return super().to_internal_value(data)

    @staticmethod
    def _unknown() -> list[serializers.ErrorDetail]:
        return [serializers.ErrorDetail("There is no such field.", code="unknown_field")]


class Micros(serializers.CharField):
    """Micro-dollars as decimal dollars, exact."""

    def to_representation(self, value: Any) -> str:
        return f"{to_dollars(int(value)):f}"


class ErrorBody(serializers.Serializer[Any]):
    """The one shape of every error."""

    code = serializers.CharField(help_text="Stable, snake_case; see docs/errors.")
    message = serializers.CharField(help_text="For people; may be reworded.")
    details = JsonObject(help_text="May hold `param`, `hint`, `errors` (each with `path`, `code`, `message`).")
    trace_id = serializers.CharField(help_text="Names this request in our log. Also in X-Trace-Id.")
