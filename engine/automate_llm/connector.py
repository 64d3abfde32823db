"""The connector `llm`: `chat` gives text (or tool calls), `extract` gives data that fits a JSON Schema.

A repeat of a lost call changes nothing outside; it costs again, and both are counted. So it is repeated by default;
`"on_lost_answer": "hold"` leaves the decision to a person.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from automate_connectors.adapters.base import ConnectorAdapter, unknown_action
from automate_connectors.models import ActionSpec, ConnectorError, ConnectorWait
from automate_governance.egress import Egress, EgressPolicy, bridge, default_policy
from automate_governance.errors import NormalizedError
from automate_llm import config
from automate_llm.budgets.ledger import Caller
from automate_llm.calling import Answered, Ask, ask
from automate_llm.errors import BadAnswer, BudgetExceeded, LLMError
from automate_llm.money import to_dollars
from automate_llm.structured import Schema, repair_request

SHARE_OF_TIME = 0.95  # of the step's limit: the rest is for the ledger

_INPUTS: dict[str, dict[str, Any]] = {
    "provider": {"type": "string", "description": "openai, anthropic, openai_compatible, or a plugin's."},
    "model": {"type": "string", "description": "The model's name, as its provider has it."},
    "prompt": {"type": "string", "description": "One question; or give `messages`."},
    "system": {"type": "string", "description": "Instructions before the conversation."},
    "messages": {"type": "array", "items": {"type": "object"}, "description": "role and content of each."},
    "api_key": {"type": "string", "format": "secret", "description": 'A reference: {"$secret": "OPENAI_API_KEY"}.'},
    "base_url": {"type": "string", "format": "uri", "description": "Another address than the provider's own."},
    "max_tokens": {"type": "integer", "minimum": 1, "description": "Of the answer; money is set aside for all of it."},
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
    "stop": {"type": "array", "items": {"type": "string"}},
    "timeout": {"type": "number", "minimum": 0.1, "maximum": 900, "description": "Seconds."},
    "on_budget": {"type": "string", "enum": ["fail", "wait"], "default": "fail"},
    "on_lost_answer": {"type": "string", "enum": ["repeat", "hold"], "default": "repeat"},
    "cache_seconds": {"type": "number", "minimum": 0, "description": "Keep the answer so long; 0 (default): never."},
}
_OUTPUTS: dict[str, dict[str, Any]] = {
    "model": {"type": "string"},
    "finish_reason": {"type": "string", "enum": ["stop", "length", "tool_calls", "refusal", "other"]},
    "usage": {"type": "object", "description": "input_tokens, output_tokens, cached_tokens; null where not told."},
    "cost_usd": {"type": "string", "description": "Dollars, exact."},
    "cached": {"type": "boolean", "description": "Our own kept answer: nothing was sent."},
}


def is_repeatable(params: dict[str, Any], step: dict[str, Any]) -> bool:
    """Whether a call whose answer was lost may be made again.

    >>> is_repeatable({}, {}), is_repeatable({"on_lost_answer": "hold"}, {})
    (True, False)
    """
    return bool(params.get("on_lost_answer", "repeat") == "repeat")


class LLMAdapter(ConnectorAdapter):
    code = "llm"
    name = "Language model"
    description = "Ask a language model, within a budget that holds."
    actions = {
        "chat": ActionSpec(
            name="Chat",
            description="Ask a model; the answer is text.",
            inputs={
                **_INPUTS,
                "tools": {
                    "type": "array",
                    "items": {"type": "object"},
                    "description": "name, description, parameters.",
                },
                "tool_choice": {"type": "string", "description": "auto, none, required or a tool's name."},
            },
            outputs={"text": {"type": "string"}, "tool_calls": {"type": "array"}, **_OUTPUTS},
            repeatable=is_repeatable,
        ),
        "extract": ActionSpec(
            name="Extract",
            description="Ask a model for data that fits a JSON Schema; a misfit is sent back once to be mended.",
            inputs={**_INPUTS, "schema": {"type": "object", "required": True, "description": "JSON Schema."}},
            outputs={"data": {"description": "Fits the schema."}, "repaired": {"type": "boolean"}, **_OUTPUTS},
            repeatable=is_repeatable,
        ),
    }

    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """As `aexecute`, and waits. Raises ConnectorError."""
        return bridge.run(self.aexecute(action, params, context))

    async def aexecute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """Ask, within the step's time. Raises ConnectorError."""
        if action not in self.actions:
            raise unknown_action(self, action)
        deadline = time.monotonic() + SHARE_OF_TIME * float(context.get("timeout_seconds") or 60.0)
        try:
            if action == "extract":
                return await _extract(params, context, deadline)
            answered = await ask(_question(action, params, context, deadline))
            completion = answered.completion
            return {
                "text": completion.text,
                "tool_calls": [asdict(call) for call in completion.tool_calls],
                **_facts(answered.cost_micros, answered),
            }
        except NormalizedError as error:
            raise _failure(error, params) from None


async def _extract(params: dict[str, Any], context: dict[str, Any], deadline: float) -> dict[str, Any]:
    schema = Schema(_object(params, "schema"))
    question = _question("extract", params, context, deadline)
    question = replace(question, options={**question.options, "schema": schema.sent})
    answered = await ask(question)
    cost = answered.cost_micros
    data, problems = schema.read(answered.completion.text)
    if problems:
        again = [*question.messages, *repair_request(answered.completion.text, problems)]
        options = {**question.options, "timeout_seconds": _seconds_left(deadline, params)}
        answered = await ask(replace(question, messages=again, options=options, cache_seconds=0.0))
        cost += answered.cost_micros
        data, still = schema.read(answered.completion.text)
        if still:
            raise BadAnswer("The answer does not fit the schema, nor did its repair.", details={"problems": still})
    return {"data": data, "repaired": bool(problems), **_facts(cost, answered)}


def _question(action: str, params: Mapping[str, Any], context: Mapping[str, Any], deadline: float) -> Ask:
    defaults = config.llm()
    provider = params.get("provider") or defaults.provider
    if not isinstance(provider, str) or not provider:
        raise _invalid("`provider` is required: openai, anthropic or openai_compatible.")
    options = {
        name: params[name]
        for name in ("max_tokens", "temperature", "top_p", "stop", "tools", "tool_choice")
        if params.get(name) is not None
    }
    options.setdefault("max_tokens", defaults.max_tokens)
    options["model"] = params.get("model") or (defaults.model if provider == defaults.provider else "")
    options["timeout_seconds"] = _seconds_left(deadline, params)
    options |= address_of(provider, params, defaults)
    secrets = context.get("secrets") or {}
    return Ask(
        provider=provider,
        messages=messages_of(params),
        options=options,
        action=action,
        cache_seconds=_cache_seconds(params),
        caller=_caller(context),
        owner=context.get("pool_key"),
        egress=_egress(context),
        secret_values=tuple(str(value) for value in secrets.values()),
    )


def address_of(provider: str, params: Mapping[str, Any], defaults: config.LLMSettings) -> dict[str, str]:
    """Where to and with which key. The installation's key goes to the installation's address, and nowhere else."""
    api_key, base_url = params.get("api_key") or "", params.get("base_url") or ""
    if not isinstance(api_key, str) or not isinstance(base_url, str):
        raise _invalid("`api_key` and `base_url` are texts.")
    if not api_key and not base_url and provider == defaults.provider:
        return {"api_key": defaults.api_key, "base_url": defaults.base_url}
    if not base_url and provider == defaults.provider:
        base_url = defaults.base_url
    return {"api_key": api_key, "base_url": base_url}


def messages_of(params: Mapping[str, Any]) -> list[Any]:
    messages, prompt, system = params.get("messages"), params.get("prompt"), params.get("system")
    if (messages is None) == (prompt is None):
        raise _invalid("Give `prompt` or `messages`.")
    if messages is None:
        messages = [{"role": "user", "content": prompt}]
    if not isinstance(messages, list):
        raise _invalid("`messages` is a list.")
    return [{"role": "system", "content": system}, *messages] if system else list(messages)


def _caller(context: Mapping[str, Any]) -> Caller:
    policy = context.get("policy")
    return Caller(
        workflow_id=_uuid(context.get("workflow_id")),
        version_id=_uuid(context.get("version_id")),
        run_id=_uuid(context.get("run_id")),
        step_id=str(context.get("step_id") or ""),
        attempt=int(context.get("attempt") or 1),
        trace_id=_uuid(context.get("trace_id")),
        policy=policy if isinstance(policy, Mapping) else {},
    )


def _uuid(given: object) -> UUID | None:
    try:
        return UUID(str(given)) if given else None
    except ValueError:
        return None


def _egress(context: Mapping[str, Any]) -> Egress:
    given = context.get("egress")
    if isinstance(given, Egress):
        return given
    policy = given if isinstance(given, EgressPolicy) else default_policy()
    return Egress(policy, pool_key=str(context.get("pool_key") or ""))


def _seconds_left(deadline: float, params: Mapping[str, Any]) -> float:
    """The shorter of what is left of the step's time and the call's own limit."""
    wanted = params.get("timeout")
    left = max(0.001, deadline - time.monotonic())
    if wanted is None:
        return left
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)) or not wanted > 0:
        raise _invalid("`timeout` is a number of seconds above 0.")
    return min(float(wanted), left)


def _cache_seconds(params: Mapping[str, Any]) -> float:
    wanted = params.get("cache_seconds") or 0
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)) or not wanted >= 0:
        raise _invalid("`cache_seconds` is a number of seconds, 0 or more.")
    return float(wanted)


def _object(params: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = params.get(name)
    if not isinstance(value, Mapping):
        raise _invalid(f"`{name}` is required: an object.")
    return value


def _facts(cost_micros: int, answered: Answered) -> dict[str, Any]:
    completion, usage = answered.completion, answered.completion.usage
    return {
        "model": completion.model,
        "finish_reason": completion.finish_reason,
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_tokens": usage.cached_tokens,
        }
        if usage
        else None,
        "cost_usd": f"{to_dollars(cost_micros):f}",
        "cached": answered.is_cached,
    }


def _failure(error: NormalizedError, params: Mapping[str, Any]) -> ConnectorError:
    """In the connector's words. A budget that is used up is waited for where the step says so."""
    if isinstance(error, ConnectorError):
        return error
    if not isinstance(error, LLMError):
        return ConnectorError(error.message, code=error.code, details=error.details)
    waits = isinstance(error, BudgetExceeded) and params.get("on_budget", "fail") == "wait"
    if waits and error.retry_after is not None:
        return ConnectorWait(error.message, code=error.code, retry_after=error.retry_after, details=error.details)
    return ConnectorError(
        error.message,
        retryable=error.retryable,
        code=error.code,
        retry_after=error.retry_after,
        details=error.details,
        in_doubt=error.in_doubt,
    )


def _invalid(message: str) -> ConnectorError:
    return ConnectorError(message, code="invalid_params")
