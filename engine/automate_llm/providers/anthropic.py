"""Anthropic: `POST /v1/messages`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automate_llm.completion import Completion
from automate_llm.providers.http import Gathered, HTTPProvider
from automate_llm.request import ChatRequest, Connection
from automate_llm.wire import anthropic_messages as wire


class AnthropicProvider(HTTPProvider):
    code = "anthropic"
    name = "Anthropic"
    default_base_url = "https://api.anthropic.com"

    def _path(self) -> str:
        return wire.PATH

    def _headers(self, connection: Connection, body: Mapping[str, Any]) -> dict[str, str]:
        key = {"x-api-key": connection.api_key} if connection.api_key else {}
        return {"anthropic-version": wire.version(body), **key}

    def _body(self, request: ChatRequest, *, stream: bool) -> dict[str, Any]:
        return wire.body(request, stream=stream)

    def _completion(self, data: Any, *, request_id: str) -> Completion:
        return wire.completion(data, request_id=request_id)

    def _gathered(self, request_id: str) -> Gathered:
        return wire.Gathered(request_id=request_id)

    def _error_text(self, data: Any) -> str:
        return wire.error_text(data)
