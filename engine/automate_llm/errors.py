"""How a call of a model can fail, and what each failure means for the money.

`retryable`: nothing happened, or a repeat does no harm. `in_doubt`: the model may have answered and the answer is lost.
`is_billed`: whether the provider may charge for it. What surely costs nothing is released at once; what may cost is
counted at the reserved amount until somebody shows otherwise.
"""

from __future__ import annotations

from typing import Any

from automate_governance.egress import EgressPaced
from automate_governance.errors import NormalizedError


class LLMError(NormalizedError):
    """Base. `retry_after`: seconds the provider, or our own budget, asks to wait."""

    code, http_status = "llm_error", 502
    retryable = False
    in_doubt = False
    is_billed = False

    def __init__(
        self,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
    ):
        super().__init__(message, details=details)
        self.retry_after = retry_after
        if retryable is not None:
            self.retryable = retryable


class InvalidRequest(LLMError):
    """The messages or options cannot be sent; `message` says which. Nothing was sent."""

    code, http_status = "llm_invalid_request", 422


class UnknownProvider(LLMError):
    """No provider is registered under this code."""

    code, http_status = "llm_unknown_provider", 422


class UnknownPrice(LLMError):
    """Nobody has said what this model costs, so nothing can be reserved for it. Nothing was sent."""

    code, http_status = "llm_unknown_price", 422


class BudgetExceeded(LLMError):
    """The call would pass a cap; nothing was sent to the provider.

    `details`: scope (tenant, workflow, run), spent_usd, reserved_usd, needed_usd, cap_usd, resets_at (None for a run).
    """

    code, http_status = "budget_exceeded", 429


class Unauthorized(LLMError):
    """The provider does not accept the key. Nothing was charged."""

    code = "llm_unauthorized"


class ModelNotFound(LLMError):
    """The provider has no such model, or not for this key. Nothing was charged."""

    code = "llm_model_not_found"


class Refused(LLMError):
    """The provider refused the request as it is (400, 413, 422 …). Nothing was charged."""

    code = "llm_refused"


class RateLimited(LLMError):
    """The provider's limit is reached (429). Nothing was charged; `retry_after` says when to come back."""

    code, retryable = "llm_rate_limited", True


class Overloaded(LLMError):
    """The provider is overloaded (503, 529) and did not act. Nothing was charged."""

    code, retryable = "llm_overloaded", True


class ProviderUnavailable(LLMError):
    """No connection came about. Nothing was sent."""

    code, retryable = "llm_unavailable", True


class Paced(ProviderUnavailable):
    """Our own outbound rate asks to wait. Nothing was sent."""

    code, http_status = EgressPaced.code, EgressPaced.http_status


class ProviderFailed(LLMError):
    """The provider, or something before it, failed in the middle (500, 502, 504). It may charge for it."""

    code, in_doubt, is_billed = "llm_provider_failed", True, True


class AnswerLost(LLMError):
    """The request was sent and no whole answer came back in time. It may have been made and charged."""

    code, http_status, in_doubt, is_billed = "llm_answer_lost", 504, True, True


class BadAnswer(LLMError):
    """An answer came that cannot be read, or that breaks the schema even after a repair. It is charged."""

    code, retryable, is_billed = "llm_bad_answer", True, True
