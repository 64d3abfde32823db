"""What is asked of a model: messages and options, checked once and the same for every provider.

A message is `{"role": "system" | "user" | "assistant" | "tool", "content": text}`; an assistant's may have `tool_calls`
(`[{"id", "name", "arguments": {…}}]`), a tool's answer names its `tool_call_id`. Text only: what an image costs cannot
be known before, so no money could be set aside for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automate_governance.egress import Egress, default_policy
from automate_llm.errors import InvalidRequest

ROLES = ("system", "user", "assistant", "tool")
MAX_TOKENS = 1024  # of an answer, where the options do not say
LONGEST_SECONDS = 900.0
TOKENS_PER_MESSAGE = 16  # what a chat template adds around one message
TOKENS_OF_TOOLS = 1_000  # what providers, or we in words, add to describe tools or a schema


@dataclass(frozen=True)
class ToolCall:
    """The model asks for a tool: `arguments` as it gave them, an object."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Message:
    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True)
class Tool:
    """A tool the model may ask for. `parameters`: JSON Schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class ChatRequest:
    """One call. `schema`: JSON Schema that the answer must fit.."""

    model: str
    messages: tuple[Message, ...]
    max_tokens: int = MAX_TOKENS
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: str = ""  # auto, none, required or a tool's name
    schema: Mapping[str, Any] | None = None

    def input_ceiling(self) -> int:
        """More tokens than the input can have: no tokenizer makes more tokens of a text than it has bytes."""
        text = sum(len(message.content.encode("utf-8", "replace")) for message in self.messages)
        calls = [dict(call.arguments) | {"_": call.name + call.id} for m in self.messages for call in m.tool_calls]
        tools = [[tool.name, tool.description, dict(tool.parameters)] for tool in self.tools]
        structure = len(json.dumps([calls, tools, dict(self.schema or {})], ensure_ascii=False).encode())
        described = TOKENS_OF_TOOLS if self.tools or self.schema is not None else 0
        return text + structure + described + TOKENS_PER_MESSAGE * (len(self.messages) + 1)


@dataclass(frozen=True)
class Connection:
    """Where to, with which key and through which gate. `repr` shows no key."""

    base_url: str
    api_key: str = field(repr=False, default="")
    timeout_seconds: float = 60.0
    egress: Egress = field(default_factory=lambda: Egress(default_policy()))
    headers: Mapping[str, str] = field(default_factory=dict)


def parse_messages(messages: object) -> tuple[Message, ...]:
    """Raises InvalidRequest with the place of the mistake."""
    if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes)) or not messages:
        raise InvalidRequest("`messages` is a list of at least one message.")
    return tuple(_message(message, f"messages[{at}]") for at, message in enumerate(messages))


def parse_request(messages: object, options: Mapping[str, Any]) -> ChatRequest:
    """Messages and options as one request. Unknown options belong to others and are not looked at."""
    model = options.get("model")
    if not isinstance(model, str) or not model.strip() or len(model) > 200:
        raise InvalidRequest("`model` is required: the model's name, as its provider has it.")
    schema, tools = options.get("schema"), _tools(options.get("tools"))
    if schema is not None and not isinstance(schema, Mapping):
        raise InvalidRequest("`schema` is a JSON Schema: an object.")
    if schema is not None and tools:
        raise InvalidRequest("Give `schema` or `tools`, not both.")
    return ChatRequest(
        model=model.strip(),
        messages=parse_messages(messages),
        max_tokens=int(_number(options, "max_tokens", 1, 1_000_000, whole=True) or MAX_TOKENS),
        temperature=_number(options, "temperature", 0, 2),
        top_p=_number(options, "top_p", 0, 1),
        stop=_stop(options.get("stop")),
        tools=tools,
        tool_choice=_choice(options.get("tool_choice"), tools),
        schema=schema,
    )


def parse_timeout(options: Mapping[str, Any], default: float = 60.0) -> float:
    """Seconds for one call, at most 900."""
    return min(_number(options, "timeout_seconds", 0.001, 1e9) or default, LONGEST_SECONDS)


def _message(given: object, where: str) -> Message:
    if not isinstance(given, Mapping) or given.get("role") not in ROLES:
        raise InvalidRequest(f"`{where}` needs a `role`: one of {', '.join(ROLES)}.")
    calls = given.get("tool_calls") or ()
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise InvalidRequest(f"`{where}.tool_calls` is a list.")
    role, tool_call_id = str(given["role"]), given.get("tool_call_id") or ""
    if (role == "tool") != bool(tool_call_id):
        raise InvalidRequest(f"`{where}`: exactly the messages of role tool have a `tool_call_id`.")
    return Message(
        role,
        _content(given.get("content"), where, may_be_empty=bool(calls)),
        tuple(map(_call, calls)),
        str(tool_call_id),
    )


def _content(content: object, where: str, *, may_be_empty: bool) -> str:
    if content is None and may_be_empty:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence) and not isinstance(content, bytes):
        texts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
        if len(texts) == len(content) and all(isinstance(text, str) for text in texts):
            return "".join(map(str, texts))
    raise InvalidRequest(f"`{where}.content` must be text.")


def _call(given: object) -> ToolCall:
    if not isinstance(given, Mapping) or not isinstance(given.get("arguments"), Mapping):
        raise InvalidRequest("A tool call is an object with id, name and arguments (an object).")
    return ToolCall(str(given.get("id") or ""), str(given.get("name") or ""), given["arguments"])


def _tools(given: object) -> tuple[Tool, ...]:
    if not given:
        return ()
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise InvalidRequest("`tools` is a list.")
    tools = []
    for tool in given:
        if not isinstance(tool, Mapping) or not isinstance(tool.get("name"), str) or not tool["name"]:
            raise InvalidRequest("A tool is an object with name, description and parameters.")
        parameters = tool.get("parameters") or {"type": "object", "properties": {}}
        if not isinstance(parameters, Mapping):
            raise InvalidRequest("A tool's `parameters` are a JSON Schema: an object.")
        tools.append(Tool(tool["name"], str(tool.get("description") or ""), parameters))
    return tuple(tools)


def _choice(given: object, tools: Sequence[Tool]) -> str:
    if given in (None, ""):
        return ""
    if not tools or given not in ("auto", "none", "required", *(tool.name for tool in tools)):
        raise InvalidRequest("`tool_choice` is auto, none, required or the name of a tool given.")
    return str(given)


def _stop(given: object) -> tuple[str, ...]:
    texts = [given] if isinstance(given, str) else given or []
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) and text for text in texts):
        raise InvalidRequest("`stop` is a text or a list of texts.")
    return tuple(texts)


def _number(options: Mapping[str, Any], name: str, low: float, high: float, *, whole: bool = False) -> float | None:
    value = options.get(name)
    if value is None:
        return None
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise InvalidRequest(f"`{name}` is a {'whole ' if whole else ''}number from {low:g} to {high:g}.")
    return value
