"""Calls of the Stripe API. A POST carries the step's Idempotency-Key, so a lost reply is asked for again, not guessed.

Source: Stripe's API reference, "Idempotent requests", "Errors", and "Advanced error handling" (`Stripe-Should-Retry`).
"""

from __future__ import annotations

from typing import Any

from automate_connectors.inputs import invalid
from automate_connectors.models import ActionSpec, ConnectorError
from automate_connectors.stripe.form import encode
from automate_connectors.stripe.spec import ACTIONS, CONFIG
from automate_connectors.web import Call, Plan, WebConnector, refused
from automate_connectors.web.call import tracing
from automate_connectors.web.reply import json_object
from automate_governance.egress import Reply

API_VERSION = "2025-03-31.basil"
_OURS = frozenset(("api_key", "stripe_account"))


class StripeAdapter(WebConnector):
    code = "stripe"
    name = "Stripe"
    description = "Customers, payments and refunds. A repeat never charges twice."
    actions = ACTIONS
    config = CONFIG
    connection = ActionSpec(inputs=CONFIG, effect="read")
    api_url = "https://api.stripe.com"

    def plan_test(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        reply = yield Call("GET", f"{self.api_url}/v1/balance", True, self._headers(params, context))
        answer = json_object(reply)
        if reply.status != 200 or answer.get("object") != "balance":
            raise self._refusal(reply, answer, context, is_safe=True)
        return f"Stripe accepts the key, in {'live' if answer.get('livemode') else 'test'} mode."

    def plan_create_customer(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        return self._post("/v1/customers", params, context)

    def plan_update_customer(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        return self._post(f"/v1/customers/{params.pop('customer')}", params, context)

    def plan_get_customer(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        return self._get(f"/v1/customers/{params.pop('customer')}", params, context)

    def plan_create_payment_intent(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        params["currency"] = params["currency"].lower()
        return self._post("/v1/payment_intents", params, context)

    def plan_get_payment_intent(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        return self._get(f"/v1/payment_intents/{params.pop('payment_intent')}", params, context)

    def plan_capture_payment_intent(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        return self._post(f"/v1/payment_intents/{params.pop('payment_intent')}/capture", params, context)

    def plan_cancel_payment_intent(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        return self._post(f"/v1/payment_intents/{params.pop('payment_intent')}/cancel", params, context)

    def plan_create_refund(self, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        if ("payment_intent" in params) == ("charge" in params):
            raise invalid("Give one of `payment_intent` and `charge`.")
        return self._post("/v1/refunds", params, context)

    def _get(self, path: str, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        reply = yield Call("GET", self.api_url + path, True, self._headers(params, context))
        return self._object(reply, context, is_safe=True)

    def _post(self, path: str, params: dict[str, Any], context: dict[str, Any]) -> Plan:
        headers = {**self._headers(params, context), "Content-Type": "application/x-www-form-urlencoded"}
        has_key = bool(context.get("idempotency_key"))
        if has_key:
            headers["Idempotency-Key"] = str(context["idempotency_key"])
        body = encode({name: value for name, value in params.items() if name not in _OURS})
        reply = yield Call("POST", self.api_url + path, has_key, headers, body)
        return self._object(reply, context, is_safe=has_key)

    def _headers(self, params: dict[str, Any], context: dict[str, Any]) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {params['api_key']}", "Stripe-Version": API_VERSION, **tracing(context)}
        if "stripe_account" in params:
            headers["Stripe-Account"] = params["stripe_account"]
        return headers

    def _object(self, reply: Reply, context: dict[str, Any], *, is_safe: bool) -> dict[str, Any]:
        answer = json_object(reply)
        if reply.status == 200 and isinstance(answer.get("id"), str):
            return answer
        raise self._refusal(reply, answer, context, is_safe=is_safe)

    def _refusal(
        self, reply: Reply, answer: dict[str, Any], context: dict[str, Any], *, is_safe: bool
    ) -> ConnectorError:
        """Stripe says itself whether a repeat helps; 409 is a repeat that came while the first was still at work."""
        error = answer.get("error")
        said: dict[str, Any] = error if isinstance(error, dict) else {}
        code = said.get("decline_code") or said.get("code") or said.get("type") or f"http_{reply.status}"
        should_retry = reply.header("stripe-should-retry")
        retryable: bool | None = True if reply.status == 409 and is_safe and code != "idempotency_error" else None
        if should_retry in ("true", "false"):
            retryable = should_retry == "true" and (is_safe or reply.status < 500)
        is_lost = 200 <= reply.status < 300  # a success that cannot be read
        return refused(
            reply,
            is_safe=is_safe,
            clock=self.clock,
            context=context,
            code=f"stripe_{code}",
            message=f"Stripe: {said['message']}" if isinstance(said.get("message"), str) else "",
            retryable=is_safe if is_lost else retryable,
            in_doubt=not is_safe if is_lost else (reply.status >= 500 and not is_safe),
        )
