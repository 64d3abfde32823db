"""What a call that failed means for its step: may it be repeated, and may it have happened?

Source: platform architecture, "Semantics settled", 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automate_connectors.models import ConnectorError
from automate_connectors.web.reply import excerpt, joined_headers, parse_body, retry_after_seconds
from automate_governance.clock import Clock
from automate_governance.egress import EgressError, Reply

REFUSED_UNDONE = frozenset((408, 425, 429, 503))  # the other side says that it did not act
TRANSIENT = frozenset((500, 502, 504, 507, 520, 521, 522, 523, 524, 529))


def lost(error: EgressError, *, is_safe: bool, had_effect: bool = False) -> ConnectorError:
    """No reply came. What never left, or may go twice, may be retried; not after a call that may have acted."""
    in_doubt = had_effect or (error.in_doubt and not is_safe)
    return ConnectorError(
        error.message,
        retryable=error.retryable and not in_doubt,
        code=error.code,
        retry_after=error.retry_after,
        details=error.details,
        in_doubt=in_doubt,
    )


def refused(
    reply: Reply,
    *,
    is_safe: bool,
    clock: Clock,
    context: Mapping[str, Any],
    code: str = "",
    message: str = "",
    retryable: bool | None = None,
    in_doubt: bool | None = None,
    retry_after: float | None = None,
) -> ConnectorError:
    """A reply that is no success. By its status: 408, 425, 429 and 503 did nothing; a 500, 502 or 504 may have acted.

    `code`, `message`, `retryable`, `in_doubt`, `retry_after`: what the service's own words say, where they say more.
    """
    transient = reply.status in TRANSIENT
    may_retry = reply.status in REFUSED_UNDONE or (transient and is_safe) if retryable is None else retryable
    doubt = transient and not is_safe if in_doubt is None else in_doubt
    return ConnectorError(
        message or f"The server answered {reply.status}.",
        retryable=may_retry and not doubt,
        code=code or f"http_{reply.status}",
        retry_after=retry_after_seconds(reply.header("retry-after"), clock) if retry_after is None else retry_after,
        details={
            "status": reply.status,
            "headers": joined_headers(reply.headers),
            "body": excerpt(parse_body(reply), context),
        },
        in_doubt=doubt,
    )
