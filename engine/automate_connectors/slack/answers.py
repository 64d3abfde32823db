"""What Slack's answers mean. A refusal comes as 200 with `ok: false`; taking it for a success would lose a message.

Source: Slack's API documentation: errors of `chat.postMessage`, "Rate limits", errors of incoming webhooks.
"""

from __future__ import annotations

from typing import Any

from automate_connectors.models import ConnectorError
from automate_connectors.web import refused
from automate_connectors.web.reply import json_object
from automate_governance.clock import Clock
from automate_governance.egress import Reply

_NOTHING_DONE = frozenset(("ratelimited", "rate_limited", "service_unavailable", "team_added_to_org"))
# Slack: "it's possible some aspect of the operation succeeded before the error was raised".
_MAYBE_DONE = frozenset(("internal_error", "fatal_error", "request_timeout"))


def success(reply: Reply, context: dict[str, Any], clock: Clock, *, is_safe: bool) -> dict[str, Any]:
    """The answer of a Web API method. Raises ConnectorError unless it says `ok: true`."""
    answer = json_object(reply)
    if reply.status == 200 and answer.get("ok") is True:
        return answer
    said = answer.get("error")
    if not isinstance(said, str) or not said:
        raise _unreadable(reply, context, clock, is_safe=is_safe)
    needed = answer.get("needed")
    raise refused(
        reply,
        is_safe=is_safe,
        clock=clock,
        context=context,
        code=f"slack_{said}",
        message=f"Slack: {said}" + (f" (needs {needed})" if isinstance(needed, str) else "") + ".",
        retryable=said in _NOTHING_DONE or reply.status in (429, 503) or (said in _MAYBE_DONE and is_safe),
        in_doubt=said in _MAYBE_DONE and not is_safe,
    )


def webhook_error(reply: Reply, context: dict[str, Any], clock: Clock) -> ConnectorError:
    """Incoming webhooks answer in plain text: `invalid_payload`, `channel_is_archived`, `no_service` …"""
    said = reply.body[:60].decode("ascii", "ignore").strip()
    is_word = said.replace("_", "").isalpha()
    if 200 <= reply.status < 300:
        return _unreadable(reply, context, clock, is_safe=False)
    return refused(
        reply,
        is_safe=False,
        clock=clock,
        context=context,
        code=f"slack_{said}" if is_word else "",
        message=f"Slack: {said}." if is_word else "",
    )


def _unreadable(reply: Reply, context: dict[str, Any], clock: Clock, *, is_safe: bool) -> ConnectorError:
    """Neither yes nor no: a 2xx that cannot be read may have been done."""
    is_lost = 200 <= reply.status < 300
    return refused(
        reply,
        is_safe=is_safe,
        clock=clock,
        context=context,
        code="slack_unreadable" if is_lost else "",
        message="Slack answered with something else than its API does." if is_lost else "",
        retryable=is_safe if is_lost else None,
        in_doubt=not is_safe if is_lost else None,
    )
