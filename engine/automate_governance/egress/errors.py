"""How an outbound call can fail. `in_doubt` tells "nothing was sent" from "it may have arrived"."""

from __future__ import annotations

from typing import Any

from automate_governance.errors import NormalizedError


class EgressError(NormalizedError):
    """Base. `retryable`: waiting may help. `in_doubt`: the request may have reached the other side."""

    code, http_status = "egress_error", 502
    retryable = False

    def __init__(self, message: str, *, in_doubt: bool = False, details: dict[str, Any] | None = None):
        super().__init__(message, details=details)
        self.in_doubt = in_doubt
        self.retry_after: float | None = None


class EgressDenied(EgressError):
    """The policy forbids this target; no connection was made."""

    code, http_status = "egress_denied", 403


class EgressPaced(EgressError):
    """The outbound rate of this host is used up for now; nothing was sent. `retry_after` says when to come back."""

    code, http_status, retryable = "outbound_rate_limited", 429, True

    def __init__(self, message: str, *, retry_after: float, details: dict[str, Any] | None = None):
        super().__init__(message, details=details)
        self.retry_after = retry_after


class InvalidTarget(EgressError):
    """The URL or a header cannot be sent: not http(s), or readable in two ways. No connection was made."""

    code, http_status = "invalid_target", 422


class NameNotResolved(EgressError):
    """The host's name has no address, or its name servers did not answer. Nothing was sent."""

    code, retryable = "name_not_resolved", True


class ConnectFailed(EgressError):
    """No connection came about: refused, unreachable, or longer than 5 s. Nothing was sent."""

    code, retryable = "connect_failed", True


class TlsFailed(EgressError):
    """The other side could not prove that it is who the URL names. Nothing was sent."""

    code = "tls_failed"


class ConnectionLost(EgressError):
    """The connection broke before a whole reply was there."""

    code, retryable = "connection_lost", True


class EgressTimeout(EgressError):
    """No whole reply within the call's deadline."""

    code, http_status, retryable = "timeout", 504, True


class ReplyTooLarge(EgressError):
    """The reply's head or decoded body passed the cap; reading stopped there."""

    code = "reply_too_large"


class BadReply(EgressError):
    """A reply came that is not readable HTTP, or in an encoding that was not asked for."""

    code = "bad_reply"
