"""One exchange with a provider, through the one way out; what went wrong comes back in our words.

A refusal that cost nothing (429, 503, 529, no connection) is tried again here while the call's time allows, as the
provider asks. What may have been charged is never tried again here: each try has a reservation of its own.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from automate_governance.clock import Clock, SystemClock
from automate_governance.egress import EgressError, EgressPaced, StreamedReply
from automate_governance.redaction import redact
from automate_llm import limits
from automate_llm.errors import (
    AnswerLost,
    BadAnswer,
    LLMError,
    ModelNotFound,
    Overloaded,
    Paced,
    ProviderFailed,
    ProviderUnavailable,
    RateLimited,
    Refused,
    Unauthorized,
)
from automate_llm.request import Connection

TRIES = 3  # in all
LONGEST_WAIT_SECONDS = 20.0  # longer waits are the workflow's: it holds no worker while it waits
SHOWN_CHARACTERS = 500
ErrorText = Callable[[Any], str]


@asynccontextmanager
async def opened(
    connection: Connection,
    path: str,
    headers: dict[str, str],
    body: dict[str, Any],
    *,
    error_text: ErrorText,
    clock: Clock | None = None,
) -> AsyncIterator[StreamedReply]:
    """The provider's reply with status 200, its body not yet read. Raises LLMError."""
    deadline = time.monotonic() + connection.timeout_seconds
    sent = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    for attempt in range(1, TRIES + 1):
        try:
            async with connection.egress.stream(
                "POST",
                connection.base_url.rstrip("/") + path,
                headers={"Content-Type": "application/json", **headers, **connection.headers},
                body=sent,
                timeout_seconds=deadline - time.monotonic(),
            ) as reply:
                if reply.status != 200:
                    raise await _refusal(reply, connection, error_text, clock or SystemClock())
                yield reply
                return
        except EgressError as error:
            raised: LLMError = meaning_of(error)
            raised.__cause__ = error
        except (RateLimited, Overloaded) as error:
            raised = error
        pause = _pause(raised, attempt, deadline)
        if pause is None:
            raise raised
        await asyncio.sleep(pause)


async def exchange(
    connection: Connection, path: str, headers: dict[str, str], body: dict[str, Any], *, error_text: ErrorText
) -> tuple[Any, StreamedReply]:
    """The answer's JSON and the reply it came in. Raises LLMError."""
    async with opened(connection, path, headers, body, error_text=error_text) as reply:
        content = await read(reply)
        try:
            return json.loads(content), reply
        except (ValueError, RecursionError):
            raise BadAnswer("The provider's answer is not JSON.") from None


async def read(reply: StreamedReply) -> bytes:
    """The whole body of an answer under way: whatever breaks now, the model has worked. Raises LLMError."""
    try:
        return await reply.read()
    except EgressError as error:
        raise _lost(error) from error


async def chunks(reply: StreamedReply) -> AsyncIterator[bytes]:
    """The body as it comes. Raises LLMError."""
    try:
        async for chunk in reply.chunks():
            yield chunk
    except EgressError as error:
        raise _lost(error) from error


def meaning_of(error: EgressError) -> LLMError:
    """An egress error before any answer: nothing sent, or nothing heard of what was sent."""
    if isinstance(error, EgressPaced):
        return Paced(error.message, details=error.details, retry_after=error.retry_after)
    if error.in_doubt:
        return _lost(error)
    if error.retryable:
        return ProviderUnavailable(error.message, details={"reason": error.code}, retry_after=error.retry_after)
    return Refused(error.message, details={**error.details, "reason": error.code})


def _lost(error: EgressError) -> LLMError:
    if error.code in ("reply_too_large", "bad_reply"):
        return BadAnswer(error.message, details={"reason": error.code}, retryable=False)
    return AnswerLost(error.message, details={"reason": error.code})


def _pause(error: LLMError, attempt: int, deadline: float) -> float | None:
    """Seconds until the next try; None when there is none."""
    if (
        attempt >= TRIES
        or isinstance(error, Paced)
        or not isinstance(error, (RateLimited, Overloaded, ProviderUnavailable))
    ):
        return None
    backoff = 0.5 * 2 ** (attempt - 1) * (0.75 + random.random() / 2)
    wait = backoff if error.retry_after is None else error.retry_after
    fits = wait <= LONGEST_WAIT_SECONDS and time.monotonic() + wait < deadline
    return wait if fits else None


async def _refusal(reply: StreamedReply, connection: Connection, error_text: ErrorText, clock: Clock) -> LLMError:
    """The error that a status other than 200 means."""
    try:
        content = await reply.read()
    except EgressError:
        content = b""
    try:
        told = error_text(json.loads(content))
    except (ValueError, RecursionError):
        told = content.decode("utf-8", "replace")
    text = str(redact(told, (connection.api_key,) if connection.api_key else ()))[:SHOWN_CHARACTERS].strip()
    status = reply.status
    wait = limits.retry_after(dict(reversed(reply.headers)), now=clock.now())
    kind = _KINDS.get(status) or (ProviderFailed if status >= 500 else Refused)
    said = f": {text}" if text else "."
    return kind(f"The provider answered {status}{said}", details={"status": status}, retry_after=wait)


_KINDS: dict[int, type[LLMError]] = {
    401: Unauthorized,
    403: Unauthorized,
    404: ModelNotFound,
    408: Overloaded,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}
