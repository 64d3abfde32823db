"""What providers over HTTP have in common: options in, a connection through egress, an answer out; sync and async."""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from automate_governance.egress import Egress, StreamedReply, default_policy
from automate_governance.egress import bridge as egress_bridge
from automate_llm import transport
from automate_llm.completion import Completion, Delta
from automate_llm.errors import BadAnswer, InvalidRequest, Refused
from automate_llm.providers.base import LLMProvider
from automate_llm.request import ChatRequest, Connection, Message, parse_request, parse_timeout
from automate_llm.tokens import estimate_tokens
from automate_llm.wire.sse import EventReader


class Gathered(Protocol):
    """A stream put together, in one of the wire formats."""

    is_done: bool

    def add(self, data: str) -> str: ...

    def completion(self) -> Completion: ...


class HTTPProvider(LLMProvider):
    """`api_key`, `base_url` and `egress` are defaults; the options of a call may name others."""

    def __init__(self, api_key: str = "", base_url: str = "", egress: Egress | None = None):
        self._api_key = api_key
        self._base_url = base_url
        self._egress = egress

    # -- the contract ----------------------------------------------------------------------------------------------

    def chat(self, messages: list[Any], options: dict[str, Any]) -> str:
        """The answer's text. Raises LLMError."""
        return self.complete(messages, options).text

    def count_tokens(self, text: str) -> int:
        """An estimate without the provider's tokenizer; what a call really used comes with its answer."""
        return estimate_tokens(text)

    # -- the extensions --------------------------------------------------------------------------------------------

    def complete(self, messages: list[Any], options: dict[str, Any]) -> Completion:
        """The answer with its usage. Raises LLMError. Not to be called on an event loop that must go on."""
        return egress_bridge.run(self.acomplete(messages, options))

    async def acomplete(self, messages: list[Any], options: dict[str, Any]) -> Completion:
        """As `complete`, without a thread."""
        request, connection = parse_request(messages, options), self._connection(options)
        try:
            return await self._complete(request, connection)
        except Refused as error:
            if request.schema is None or error.details.get("status") not in (400, 422):
                raise
            return await self._complete(_in_words(request), connection)  # it knows no schemas: asked in words, then

    async def _complete(self, request: ChatRequest, connection: Connection) -> Completion:
        body = self._body(request, stream=False)
        headers = self._headers(connection, body)
        data, reply = await transport.exchange(connection, self._path(), headers, body, error_text=self._error_text)
        return self._completion(data, request_id=_request_id(reply))

    async def astream(self, messages: list[Any], options: dict[str, Any]) -> AsyncIterator[Delta | Completion]:
        """Pieces of text as they come, then the Completion. Raises LLMError."""
        request, connection = parse_request(messages, options), self._connection(options)
        body = self._body(request, stream=True)
        headers = self._headers(connection, body)
        async with transport.opened(connection, self._path(), headers, body, error_text=self._error_text) as reply:
            gathered, events = self._gathered(_request_id(reply)), EventReader()
            async for chunk in transport.chunks(reply):
                for data in _events(events, chunk):
                    if text := gathered.add(data):
                        yield Delta(text)
            yield gathered.completion()

    def stream(self, messages: list[Any], options: dict[str, Any]) -> Iterator[Delta | Completion]:
        """As `astream`, for code without an event loop."""
        pieces = self.astream(messages, options)
        try:
            while (piece := egress_bridge.run(_next(pieces))) is not None:
                yield piece
        finally:
            egress_bridge.run(_close(pieces))

    # -- the wire --------------------------------------------------------------------------------------------------

    @abstractmethod
    def _path(self) -> str: ...

    @abstractmethod
    def _headers(self, connection: Connection, body: Mapping[str, Any]) -> dict[str, str]: ...

    @abstractmethod
    def _body(self, request: ChatRequest, *, stream: bool) -> dict[str, Any]: ...

    @abstractmethod
    def _completion(self, data: Any, *, request_id: str) -> Completion: ...

    @abstractmethod
    def _gathered(self, request_id: str) -> Gathered: ...

    @abstractmethod
    def _error_text(self, data: Any) -> str: ...

    def _connection(self, options: Mapping[str, Any]) -> Connection:
        base_url = options.get("base_url") or self._base_url or self.default_base_url
        if not isinstance(base_url, str) or not base_url:
            raise InvalidRequest("`base_url` is required: where the endpoint is.")
        egress = options.get("egress") or self._egress or Egress(default_policy())
        return Connection(
            base_url=base_url,
            api_key=str(options.get("api_key") or self._api_key),
            timeout_seconds=parse_timeout(options),
            egress=egress,
            headers=dict(options.get("headers") or {}),
        )


def _in_words(request: ChatRequest) -> ChatRequest:
    """The schema as an instruction, for models and endpoints that cannot enforce it; the answer is checked anyway."""
    wanted = json.dumps(dict(request.schema or {}), ensure_ascii=False)
    told = Message("system", f"Answer with JSON that fits this JSON Schema, and nothing else:\n{wanted}")
    return replace(request, messages=(told, *request.messages), schema=None)


def _request_id(reply: StreamedReply) -> str:
    return (reply.header("request-id") or reply.header("x-request-id"))[:200]


def _events(events: EventReader, chunk: bytes) -> Iterator[str]:
    try:
        yield from events.feed(chunk)
    except ValueError as error:
        raise BadAnswer(str(error)) from None


async def _next(pieces: AsyncIterator[Delta | Completion]) -> Delta | Completion | None:
    return await anext(pieces, None)


async def _close(pieces: Any) -> None:
    await asyncio.shield(pieces.aclose())
