"""The wire format of `POST /chat/completions`: OpenAI, and all who speak like it (Ollama, vLLM, gateways)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from automate_llm.completion import Completion, usage_from
from automate_llm.errors import BadAnswer
from automate_llm.prices.price import Usage
from automate_llm.request import ChatRequest, Message, ToolCall

PATH = "/chat/completions"
_REASONS = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "content_filter": "refusal"}


def body(request: ChatRequest, *, limit_name: str, stream: bool = False) -> dict[str, Any]:
    """The JSON body. `limit_name`: `max_completion_tokens` at OpenAI, `max_tokens` at most others."""
    sent: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        limit_name: request.max_tokens,
    }
    if request.temperature is not None:
        sent["temperature"] = request.temperature
    if request.top_p is not None:
        sent["top_p"] = request.top_p
    if request.stop:
        sent["stop"] = list(request.stop)
    if request.tools:
        sent["tools"] = [
            {
                "type": "function",
                "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)},
            }
            for t in request.tools
        ]
    if request.tool_choice:
        is_name = request.tool_choice not in ("auto", "none", "required")
        function = {"type": "function", "function": {"name": request.tool_choice}}
        sent["tool_choice"] = function if is_name else request.tool_choice
    if request.schema is not None:
        described = {"name": "answer", "schema": dict(request.schema), "strict": False}
        sent["response_format"] = {"type": "json_schema", "json_schema": described}
    if stream:
        sent |= {"stream": True, "stream_options": {"include_usage": True}}
    return sent


def completion(data: Any, *, request_id: str = "") -> Completion:
    """The answer's JSON as a Completion. Raises BadAnswer."""
    try:
        choice = data["choices"][0]
        message = choice["message"]
        calls = tuple(
            ToolCall(str(c.get("id") or ""), str(c["function"]["name"]), _arguments(c["function"].get("arguments")))
            for c in message.get("tool_calls") or ()
        )
        refusal = message.get("refusal")
        return Completion(
            text=_text(message.get("content")) or _text(refusal),
            model=str(data.get("model") or ""),
            finish_reason="refusal" if refusal else _REASONS.get(str(choice.get("finish_reason")), "other"),
            usage=usage(data.get("usage")),
            tool_calls=calls,
            request_id=request_id or str(data.get("id") or ""),
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise BadAnswer(f"The answer lacks what a chat completion has ({type(error).__name__}).") from None


def usage(told: Any) -> Usage | None:
    if not isinstance(told, Mapping):
        return None
    details = told.get("prompt_tokens_details")
    return usage_from(
        {
            "input_tokens": told.get("prompt_tokens"),
            "output_tokens": told.get("completion_tokens"),
            **{
                name: details.get(name) if isinstance(details, Mapping) else None
                for name in ("cached_tokens", "cache_write_tokens")
            },
        }
    )


def error_text(data: Any) -> str:
    """What the provider says went wrong; "" where it says nothing that can be read."""
    error = data.get("error") if isinstance(data, Mapping) else None
    if isinstance(error, Mapping):
        return str(error.get("message") or error.get("code") or "")
    return error if isinstance(error, str) else ""


class Gathered:
    """A stream's events put together."""

    def __init__(self, *, request_id: str = ""):
        self._request_id = request_id
        self._texts: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._model = ""
        self._reason = ""
        self._usage: Usage | None = None
        self.is_done = False  # the provider said that this was all

    def add(self, data: str) -> str:
        """Take one event; the text it adds. Raises BadAnswer."""
        if data.strip() == "[DONE]":
            self.is_done = True
            return ""
        try:
            event = json.loads(data)
            if "error" in event:
                raise BadAnswer(f"The stream broke off: {error_text(event)[:300]}")
            self._model = str(event.get("model") or self._model)
            self._usage = usage(event.get("usage")) or self._usage
            added = ""
            for choice in event.get("choices") or ():
                self._reason = str(choice.get("finish_reason") or self._reason)
                delta = choice.get("delta") or {}
                added += _text(delta.get("content"))
                for call in delta.get("tool_calls") or ():
                    self._add_call(call)
            self._texts.append(added)
            return added
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadAnswer(f"An event of the stream cannot be read ({type(error).__name__}).") from None

    def completion(self) -> Completion:
        """All of it. Raises BadAnswer when the stream ended before its end was told."""
        if not self.is_done and not self._reason:
            raise BadAnswer("The stream ended before the answer did.")
        calls = tuple(ToolCall(c["id"], c["name"], _arguments(c["arguments"])) for _, c in sorted(self._calls.items()))
        reason = _REASONS.get(self._reason, "other")
        return Completion("".join(self._texts), self._model, reason, self._usage, calls, self._request_id)

    def _add_call(self, given: Mapping[str, Any]) -> None:
        call = self._calls.setdefault(int(given.get("index") or 0), {"id": "", "name": "", "arguments": ""})
        function = given.get("function") or {}
        call["id"] += str(given.get("id") or "")
        call["name"] += str(function.get("name") or "")
        call["arguments"] += str(function.get("arguments") or "")


def _message(message: Message) -> dict[str, Any]:
    sent: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        sent["content"] = message.content or None
        sent["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments), ensure_ascii=False)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        sent["tool_call_id"] = message.tool_call_id
    return sent


def _arguments(text: Any) -> dict[str, Any]:
    if isinstance(text, Mapping):
        return dict(text)  # some servers forget to write it as text
    try:
        arguments = json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise BadAnswer("The arguments of a tool call are not JSON.") from None
    if not isinstance(arguments, dict):
        raise BadAnswer("The arguments of a tool call are not an object.")
    return arguments


def _text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    raise TypeError("content")
