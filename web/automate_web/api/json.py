"""JSON in and out: strict and bounded on the way in, fast on the way out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from automate.ingest.body import MAX_BODY_BYTES, read_body
from automate.ingest.refusal import payload_too_large


class JsonRenderer(BaseRenderer):
    """orjson; times leave as RFC 3339 in UTC with `Z`, UUIDs as text."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        try:
            return orjson.dumps(data, option=orjson.OPT_UTC_Z)
        except TypeError:  # orjson refuses integers beyond 64 bits; a stored payload may hold one
            return json.dumps(data, default=str, ensure_ascii=False, separators=(",", ":")).encode()


class JsonParser(BaseParser):
    """The same strict JSON that the webhooks take (`automate.ingest.body`); an absent body is an empty object."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        raw = stream.read(MAX_BODY_BYTES + 1)  # Django's own limit does not hold for this framework's parsers
        if len(raw) > MAX_BODY_BYTES:
            raise payload_too_large(MAX_BODY_BYTES)
        encoding = parser_context["request"].META.get("HTTP_CONTENT_ENCODING") if parser_context else None
        return (
            json.loads(read_body(raw, self.media_type, encoding).text) if raw else {}
        )  # integers of any size stay exact
