"""A stand-in for LLM providers: a real HTTP server that speaks both wire formats and answers as told.

`POST …/chat/completions` speaks like OpenAI, `POST …/messages` like Anthropic. `say` may be replaced at any time by a
Reply, a list of them (one each, the last for ever) or a function of the request. What a caller sends is checked as the
providers check it; what does not fit is answered 400 in the provider's own form.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

KEY = "sk-stand-in-7f3e9a1c"


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]  # names in lower case
    body: dict[str, Any]

    @property
    def is_anthropic(self) -> bool:
        return self.path.endswith("/messages")


@dataclass(frozen=True)
class Reply:
    """What the model says. `usage`: (input, output), None for none, or the JSON to send; `status` not 200: an error.

    `hang`: the answer never comes. `drop_after`: break the connection after so many bytes of the body.
    `raw`: sent as the body, whatever it is. `pieces`: how a stream cuts the text.
    """

    text: str = "hello"
    usage: Any = (10, 5)
    cached_tokens: int = 0
    tool_calls: Sequence[tuple[str, dict[str, Any]]] = ()
    finish: str = "stop"  # stop or length
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    hang: bool = False
    drop_after: int | None = None
    pieces: int = 3
    error: str = "as told"
    unfinished: bool = False  # a stream that ends before its end


Say = Reply | list[Reply] | Callable[[Asked], Reply]


class LLMServer:
    """Listens on a free port of localhost until `close`."""

    def __init__(self) -> None:
        self.say: Say = Reply()
        self.asked: list[Asked] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def target(self) -> str:
        """`host:port`, as policies name it."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.target}/v1"

    @property
    def anthropic_url(self) -> str:
        return f"http://{self.target}"

    def wait_for(self, count: int, *, seconds: float = 20.0) -> list[Asked]:
        """The requests so far, as soon as there are `count`. Fails after `seconds`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.asked) >= count, timeout=seconds):
                raise AssertionError(f"{len(self.asked)} requests within {seconds} s, not {count}")
            return list(self.asked)

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _next(self, asked: Asked) -> Reply:
        with self._changed:
            self.asked.append(asked)
            count = len(self.asked)
            self._changed.notify_all()
        if callable(self.say):
            return self.say(asked)
        return self.say[min(count, len(self.say)) - 1] if isinstance(self.say, list) else self.say

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.path, headers, json.loads(raw))
                reply = server._next(asked)
                if reply.hang:
                    server._closing.wait()
                    self.close_connection = True
                    return
                problem = _problem(asked)
                if problem is not None and reply.status == 200:
                    reply = Reply(status=problem[0], error=problem[1])
                try:
                    self._answer(asked, reply)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def _answer(self, asked: Asked, reply: Reply) -> None:
                is_stream = bool(asked.body.get("stream")) and reply.status == 200
                content, kind = _content(asked, reply, is_stream)
                self.send_response(reply.status)
                self.send_header("Content-Type", kind)
                self.send_header("request-id" if asked.is_anthropic else "x-request-id", "req_stand_in")
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if reply.drop_after is not None:
                    self.wfile.write(content[: reply.drop_after])
                    self.wfile.flush()
                    self.close_connection = True
                    return
                for start in range(0, len(content), 37):  # cuts events, lines and characters anywhere
                    self.wfile.write(content[start : start + 37])
                    self.wfile.flush()

            def log_message(self, *arguments: Any) -> None:
                """Say nothing; the tests look at `asked`."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def _problem(asked: Asked) -> tuple[int, str] | None:
    """What a provider would refuse: (status, message)."""
    body, headers = asked.body, asked.headers
    if asked.is_anthropic:
        key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if key != KEY:
            return 401, f"invalid x-api-key: {key}"
        if "anthropic-version" not in headers:
            return 400, "anthropic-version: header is required"
        if headers["anthropic-version"] > "2026" and {"temperature", "top_p", "top_k"} & set(body):
            return 400, "temperature, top_p and top_k were removed"
        if (body.get("tool_choice") or {}).get("type") in ("tool", "any") and "forced" not in body["model"]:
            return 400, "tool_choice: this model cannot be forced to use a tool"
        if problem := _schema_problem((body.get("output_config") or {}).get("format")):
            return 400, problem
        if not isinstance(body.get("max_tokens"), int):
            return 400, "max_tokens: Field required"
        roles = [message["role"] for message in body["messages"]]
        if any(role not in ("user", "assistant") for role in roles) or roles[0] != "user":
            return 400, "messages: roles must be user or assistant, the first user"
    elif headers.get("authorization") != f"Bearer {KEY}":
        return 401, f"Incorrect API key provided: {headers.get('authorization')}"
    if not body.get("model") or not body.get("messages"):
        return 400, "model and messages are required"
    return None


def _schema_problem(described: Any) -> str:
    """What Anthropic's structured output refuses of a schema."""
    if described is None:
        return ""
    text = json.dumps(described)
    if '"minimum"' in text or '"maxLength"' in text:
        return "output_config.format.schema: unsupported keyword"
    schema = described["schema"]
    is_open = schema.get("type") == "object" and schema.get("additionalProperties") is not False
    return "output_config.format.schema: additionalProperties must be false" if is_open else ""


def _content(asked: Asked, reply: Reply, is_stream: bool) -> tuple[bytes, str]:
    if reply.raw is not None:
        return reply.raw, "application/json"
    if reply.status != 200:
        error = {"type": "error_of_stand_in", "message": reply.error}
        told = {"type": "error", "error": error} if asked.is_anthropic else {"error": error}
        return json.dumps(told).encode(), "application/json"
    if is_stream:
        events = _anthropic_events(asked, reply) if asked.is_anthropic else _openai_events(asked, reply)
        return "".join(events).encode(), "text/event-stream"
    data = _anthropic_answer(asked, reply) if asked.is_anthropic else _openai_answer(asked, reply)
    return json.dumps(data).encode(), "application/json"


def _openai_usage(reply: Reply) -> Any:
    if not isinstance(reply.usage, tuple):
        return reply.usage
    prompt, completion = reply.usage
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
    }


def _openai_calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for at, (name, arguments) in enumerate(reply.tool_calls)
    ]


def _openai_answer(asked: Asked, reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None if reply.tool_calls else reply.text}
    if reply.tool_calls:
        message["tool_calls"] = _openai_calls(reply)
    finish = "tool_calls" if reply.tool_calls else reply.finish
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": asked.body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
    }
    usage = _openai_usage(reply)
    return answer if usage is None else {**answer, "usage": usage}


def _openai_events(asked: Asked, reply: Reply) -> Iterator[str]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked.body["model"]}

    def event(choices: list[Any], **more: Any) -> str:
        return f"data: {json.dumps({**base, 'choices': choices, **more})}\n\n"

    yield event([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
    for at, call in enumerate(_openai_calls(reply)):
        arguments = call["function"]["arguments"]
        opened = {**call, "index": at, "function": {"name": call["function"]["name"], "arguments": arguments[:4]}}
        yield event([{"index": 0, "delta": {"tool_calls": [opened]}, "finish_reason": None}])
        rest = {"index": at, "function": {"arguments": arguments[4:]}}
        yield event([{"index": 0, "delta": {"tool_calls": [rest]}, "finish_reason": None}])
    for piece in [] if reply.tool_calls else _pieces(reply):
        yield event([{"index": 0, "delta": {"content": piece}, "finish_reason": None}])
    if reply.unfinished:
        return
    finish = "tool_calls" if reply.tool_calls else reply.finish
    yield event([{"index": 0, "delta": {}, "finish_reason": finish}])
    if (asked.body.get("stream_options") or {}).get("include_usage"):
        yield event([], usage=_openai_usage(reply))
    yield "data: [DONE]\n\n"


def _anthropic_usage(reply: Reply) -> Any:
    if not isinstance(reply.usage, tuple):
        return reply.usage
    return {
        "input_tokens": reply.usage[0] - reply.cached_tokens,
        "output_tokens": reply.usage[1],
        "cache_read_input_tokens": reply.cached_tokens,
        "cache_creation_input_tokens": 0,
    }


def _anthropic_blocks(reply: Reply) -> list[dict[str, Any]]:
    if reply.tool_calls:
        return [
            {"type": "tool_use", "id": f"toolu_{at}", "name": name, "input": arguments}
            for at, (name, arguments) in enumerate(reply.tool_calls)
        ]
    return [
        {"type": "thinking", "thinking": "", "signature": "sig"},  # to be passed over
        {"type": "text", "text": reply.text},
    ]


def _anthropic_answer(asked: Asked, reply: Reply) -> dict[str, Any]:
    blocks = _anthropic_blocks(reply)
    uses_tool = any(block["type"] == "tool_use" for block in blocks)
    stop = "tool_use" if uses_tool else {"stop": "end_turn", "length": "max_tokens"}[reply.finish]
    answer = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": asked.body["model"],
        "content": blocks,
        "stop_reason": stop,
        "stop_sequence": None,
    }
    usage = _anthropic_usage(reply)
    return answer if usage is None else {**answer, "usage": usage}


def _anthropic_events(asked: Asked, reply: Reply) -> Iterator[str]:
    answer = _anthropic_answer(asked, reply)
    usage = answer.get("usage") or {}

    def event(kind: str, **data: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n"

    start = {**answer, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1} if usage else {}}
    yield event("message_start", message=start)
    yield event("ping")
    for at, block in enumerate(block for block in answer["content"] if block["type"] != "thinking"):
        is_tool = block["type"] == "tool_use"
        yield event(
            "content_block_start", index=at, content_block={**block, **({"input": {}} if is_tool else {"text": ""})}
        )
        if is_tool:
            text = json.dumps(block["input"])
            for part in (text[:5], text[5:]):
                yield event("content_block_delta", index=at, delta={"type": "input_json_delta", "partial_json": part})
        for piece in [] if is_tool else _pieces(reply):
            yield event("content_block_delta", index=at, delta={"type": "text_delta", "text": piece})
        yield event("content_block_stop", index=at)
    if reply.unfinished:
        return
    told = {"output_tokens": usage["output_tokens"]} if "output_tokens" in usage else {}
    yield event("message_delta", delta={"stop_reason": answer["stop_reason"], "stop_sequence": None}, usage=told)
    yield event("message_stop")


def _pieces(reply: Reply) -> list[str]:
    size = max(1, -(-len(reply.text) // reply.pieces))
    return [reply.text[at : at + size] for at in range(0, len(reply.text), size)]


@pytest.fixture
def llm_server() -> Iterator[LLMServer]:
    server = LLMServer()
    yield server
    server.close()
