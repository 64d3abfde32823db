"""OpenAI: `POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automate_llm.completion import Completion
from automate_llm.providers.http import Gathered, HTTPProvider
from automate_llm.request import ChatRequest, Connection
from automate_llm.wire import openai_chat as wire


class OpenAIProvider(HTTPProvider):
    code = "openai"
    name = "OpenAI"
    default_base_url = "https://api.openai.com/v1"
    limit_name = "max_completion_tokens"  # counts hidden reasoning too; `max_tokens` is refused by reasoning models

    def _path(self) -> str:
        return wire.PATH

    def _headers(self, connection: Connection, body: Mapping[str, Any]) -> dict[str, str]:
        return {"Authorization": f"Bearer {connection.api_key}"} if connection.api_key else {}

    def _body(self, request: ChatRequest, *, stream: bool) -> dict[str, Any]:
        return wire.body(request, limit_name=self.limit_name, stream=stream)

    def _completion(self, data: Any, *, request_id: str) -> Completion:
        return wire.completion(data, request_id=request_id)

    def _gathered(self, request_id: str) -> Gathered:
        return wire.Gathered(request_id=request_id)

    def _error_text(self, data: Any) -> str:
        return wire.error_text(data)
