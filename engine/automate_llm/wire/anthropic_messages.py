"""The wire format of Anthropic's `POST /v1/messages`.

Source: the vendor's API reference and its migration guide to version 2026-10-21, which has no sampling parameters; a
request that has some is sent in the version before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from automate_llm.completion import Completion, usage_from
from automate_llm.errors import BadAnswer
from automate_llm.prices.price import Usage
from automate_llm.request import ChatRequest, Message, ToolCall

PATH = "/v1/messages"
VERSION = "2026-10-21"
VERSION_WITH_SAMPLING = "2023-06-01"  # knows temperature and top_p
_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}


def version(body: Mapping[str, Any]) -> str:
    """The version of the API that this body is written for."""
    return VERSION_WITH_SAMPLING if "temperature" in body or "top_p" in body else VERSION


def body(request: ChatRequest, *, stream: bool = False) -> dict[str, Any]:
    """The JSON body."""
    sent: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": _turns(request.messages),
    }
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    if system:
        sent["system"] = system
    if request.temperature is not None:
        sent["temperature"] = min(request.temperature, 1.0)
    if request.top_p is not None:
        sent["top_p"] = request.top_p
    if request.stop:
        sent["stop_sequences"] = list(request.stop)
    if request.tools:
        sent["tools"] = [
            {"name": t.name, "description": t.description, "input_schema": dict(t.parameters)} for t in request.tools
        ]
    if request.tool_choice:
        kinds = {"auto": {"type": "auto"}, "none": {"type": "none"}, "required": {"type": "any"}}
        sent["tool_choice"] = kinds.get(request.tool_choice, {"type": "tool", "name": request.tool_choice})
    if request.schema is not None:
        sent["output_config"] = {"format": {"type": "json_schema", "schema": closed(request.schema)}}
    if stream:
        sent["stream"] = True
    return sent


def completion(data: Any, *, request_id: str = "") -> Completion:
    """The answer's JSON as a Completion. Raises BadAnswer."""
    try:
        blocks = data["content"]
        calls = [
            ToolCall(str(block["id"]), str(block["name"]), dict(block["input"]))
            for block in blocks
            if block["type"] == "tool_use"
        ]
        text = "".join(str(block["text"]) for block in blocks if block["type"] == "text")
        reason = _REASONS.get(str(data.get("stop_reason")), "other")
        told = usage(data.get("usage"))
        return Completion(text, str(data.get("model") or ""), reason, told, tuple(calls), request_id)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise BadAnswer(f"The answer lacks what a message has ({type(error).__name__}).") from None


def usage(told: Any) -> Usage | None:
    """Input here includes what was read from and written to the cache; on the wire it does not."""
    if not isinstance(told, Mapping):
        return None
    plain, cached, written = (
        told.get(name, 0) or 0 for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    if "input_tokens" not in told or not all(type(value) is int for value in (plain, cached, written)):
        return None
    return usage_from(
        {
            "input_tokens": plain + cached + written if min(plain, cached, written) >= 0 else -1,
            "output_tokens": told.get("output_tokens"),
            "cached_tokens": cached,
            "cache_write_tokens": written,
        }
    )


def error_text(data: Any) -> str:
    """What the provider says went wrong; "" where it says nothing that can be read."""
    error = data.get("error") if isinstance(data, Mapping) else None
    return str(error.get("message") or error.get("type") or "") if isinstance(error, Mapping) else ""


class Gathered:
    """A stream's events put together."""

    def __init__(self, *, request_id: str = ""):
        self._request_id = request_id
        self._texts: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._model = ""
        self._reason = ""
        self._usage: dict[str, Any] = {}
        self.is_done = False

    def add(self, data: str) -> str:
        """Take one event; the text it adds. Raises BadAnswer."""
        try:
            event = json.loads(data)
            return self._take(str(event["type"]), event)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadAnswer(f"An event of the stream cannot be read ({type(error).__name__}).") from None

    def completion(self) -> Completion:
        """All of it. Raises BadAnswer when the stream ended before its end was told."""
        if not self.is_done:
            raise BadAnswer("The stream ended before the answer did.")
        calls = []
        for _, call in sorted(self._calls.items()):
            try:
                arguments = json.loads(call["json"] or "{}")
            except ValueError:
                raise BadAnswer("The arguments of a tool call are not JSON.") from None
            calls.append(ToolCall(call["id"], call["name"], arguments))
        reason = _REASONS.get(self._reason, "other")
        told = usage(self._usage or None)
        return Completion("".join(self._texts), self._model, reason, told, tuple(calls), self._request_id)

    def _take(self, kind: str, event: Mapping[str, Any]) -> str:
        if kind == "error":
            raise BadAnswer(f"The stream broke off: {error_text(event)[:300]}")
        if kind == "message_start":
            self._model = str(event["message"].get("model") or "")
            self._add_usage(event["message"].get("usage"))
        elif kind == "content_block_start" and event["content_block"]["type"] == "tool_use":
            block = event["content_block"]
            self._calls[int(event["index"])] = {"id": str(block["id"]), "name": str(block["name"]), "json": ""}
        elif kind == "content_block_delta":
            return self._take_delta(int(event["index"]), event["delta"])
        elif kind == "message_delta":
            self._reason = str(event["delta"].get("stop_reason") or "")
            self._add_usage(event.get("usage"))
        elif kind == "message_stop":
            self.is_done = True
        return ""

    def _add_usage(self, told: Any) -> None:
        """Later counts replace earlier ones; what is not told again stays."""
        self._usage |= {name: count for name, count in (told or {}).items() if count is not None}

    def _take_delta(self, index: int, delta: Mapping[str, Any]) -> str:
        if delta["type"] == "text_delta":
            self._texts.append(str(delta["text"]))
            return str(delta["text"])
        if delta["type"] == "input_json_delta":
            self._calls[index]["json"] += str(delta["partial_json"])
        return ""


# Keywords that the vendor's structured output refuses; the answer is checked against the whole schema when it came.
_UNKNOWN_KEYWORDS = frozenset(
    (
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
        *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "$schema", "default", "examples"),
    )
)


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as structured output takes it: objects closed, bounds left out. Stricter in shape, laxer in values."""
    kept: dict[str, Any] = {}
    for name, part in schema.items():
        if name in ("properties", "$defs") and isinstance(part, Mapping):
            kept[name] = {key: closed(value) if isinstance(value, Mapping) else value for key, value in part.items()}
        elif name in _UNKNOWN_KEYWORDS:
            continue
        elif isinstance(part, Mapping):
            kept[name] = closed(part)
        elif isinstance(part, list):
            kept[name] = [closed(value) if isinstance(value, Mapping) else value for value in part]
        else:
            kept[name] = part
    if kept.get("type") == "object":
        kept["additionalProperties"] = False
    return kept


def _turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages but the system's; neighbours of one role become one turn, as the format wants it."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}]
    blocks: list[dict[str, Any]] = [{"type": "text", "text": message.content}] if message.content else []
    return blocks + [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}
        for call in message.tool_calls
    ]
