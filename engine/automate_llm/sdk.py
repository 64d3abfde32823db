"""The vendors' own clients over our way out: whatever they do, they reach no address that egress does not allow.

Optional: `pip install "django-automate[openai]"` or `[anthropic]`. The SDKs are large and slow to import; nothing here
imports them before they are asked for. They know nothing of budgets: use `automate_llm.calling.ask` where money counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2

from automate_governance.egress import Egress, EgressError, default_policy
from automate_governance.egress.bridge import exchange

if TYPE_CHECKING:
    import anthropic
    import openai

_SET_BY_EGRESS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "keep-alive", "te", "upgrade")
)
_GONE_BY_DECODING = frozenset(("content-encoding", "content-length", "transfer-encoding"))


class EgressTransport(httpx2.BaseTransport):
    """httpx2's transport for clients without an event loop; a reply is read whole, at most 5 MiB."""

    def __init__(self, egress: Egress | None = None, timeout_seconds: float = 60.0):
        self._egress = egress or Egress(default_policy())
        self._timeout_seconds = timeout_seconds

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send through egress. Raises httpx2.ConnectError or httpx2.ReadError, which the SDKs understand."""
        try:
            reply = exchange(
                self._egress,
                request.method,
                str(request.url),
                headers=_headers(request),
                body=request.read(),
                timeout_seconds=self._timeout_seconds,
            )
        except EgressError as error:
            raise _translated(error, request) from error
        return httpx2.Response(reply.status, headers=_kept(reply.headers), content=reply.body, request=request)


class AsyncEgressTransport(httpx2.AsyncBaseTransport):
    """The same on an event loop."""

    def __init__(self, egress: Egress | None = None, timeout_seconds: float = 60.0):
        self._egress = egress or Egress(default_policy())
        self._timeout_seconds = timeout_seconds

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send through egress. Raises as EgressTransport."""
        try:
            async with self._egress.stream(
                request.method,
                str(request.url),
                headers=_headers(request),
                body=await request.aread(),
                timeout_seconds=self._timeout_seconds,
            ) as reply:
                content = await reply.read()
                return httpx2.Response(reply.status, headers=_kept(reply.headers), content=content, request=request)
        except EgressError as error:
            raise _translated(error, request) from error


def openai_client(*, egress: Egress | None = None, timeout_seconds: float = 60.0, **options: Any) -> openai.OpenAI:
    """`openai.OpenAI(**options)` over egress."""
    import openai

    return openai.OpenAI(http_client=httpx2.Client(transport=EgressTransport(egress, timeout_seconds)), **options)


def async_openai_client(
    *, egress: Egress | None = None, timeout_seconds: float = 60.0, **options: Any
) -> openai.AsyncOpenAI:
    """`openai.AsyncOpenAI(**options)` over egress."""
    import openai

    transport = AsyncEgressTransport(egress, timeout_seconds)
    return openai.AsyncOpenAI(http_client=httpx2.AsyncClient(transport=transport), **options)


def anthropic_client(
    *, egress: Egress | None = None, timeout_seconds: float = 60.0, **options: Any
) -> anthropic.Anthropic:
    """`anthropic.Anthropic(**options)` over egress."""
    import anthropic

    http_client = httpx2.Client(transport=EgressTransport(egress, timeout_seconds))
    return anthropic.Anthropic(http_client=http_client, **options)


def async_anthropic_client(
    *, egress: Egress | None = None, timeout_seconds: float = 60.0, **options: Any
) -> anthropic.AsyncAnthropic:
    """`anthropic.AsyncAnthropic(**options)` over egress."""
    import anthropic

    transport = AsyncEgressTransport(egress, timeout_seconds)
    return anthropic.AsyncAnthropic(http_client=httpx2.AsyncClient(transport=transport), **options)


def _headers(request: httpx2.Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name.lower() not in _SET_BY_EGRESS}


def _kept(pairs: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in pairs if name not in _GONE_BY_DECODING]


def _translated(error: EgressError, request: httpx2.Request) -> httpx2.TransportError:
    kind = httpx2.ReadError if error.in_doubt else httpx2.ConnectError
    return kind(f"{error.code}: {error.message}", request=request)
