"""The connector `stripe` against a stand-in that checks keys, forms and idempotency the way Stripe does."""

from __future__ import annotations

import json
import threading
from typing import Any, ClassVar

import pytest

from automate_connectors.models import ConnectorError
from automate_connectors.stripe import StripeAdapter
from automate_testing.contracts import CANARY, ConnectorContractTest

from .doors import KEY, context_of, through
from .standin import Answer, Received, standing_in

API_KEY = "sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc"


class Stripe:
    """Objects by id, and what each idempotency key answered first."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.first: dict[str, tuple[str, bytes, Answer]] = {}
        self.lock = threading.Lock()

    def __call__(self, request: Received) -> Answer:
        with self.lock:
            return self._answer(request)

    def _answer(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            return error(401, "invalid_request_error", message="Invalid API Key provided: sk_test_****")
        if "stripe-version" not in request.headers:
            return error(400, "invalid_request_error", message="No version")
        if request.method == "GET":
            found = self.objects.get(request.path.rsplit("/", 1)[-1])
            return Answer(200, found) if found else error(404, "invalid_request_error", code="resource_missing")
        key = request.headers.get("idempotency-key", "")
        if key in self.first:
            route, body, answer = self.first[key]
            if (route, body) != (request.route, request.body):
                return error(400, "idempotency_error", message="Keys for idempotent requests need the same parameters")
            return Answer(answer.status, answer.body, {"Idempotent-Replayed": "true"})
        answer = self._write(request)
        if key:
            self.first[key] = (request.route, request.body, answer)
        return answer

    def _write(self, request: Received) -> Answer:
        form, parts = request.form, request.path.strip("/").split("/")[1:]
        kind, *rest = parts
        if kind == "payment_intents" and not rest:
            if not form.get("amount", "").isdigit():
                return error(400, "invalid_request_error", code="parameter_invalid_integer")
            if form.get("payment_method") == "pm_card_chargeDeclined":
                return error(402, "card_error", code="card_declined", decline_code="insufficient_funds")
        if kind == "refunds" and form.get("payment_intent", "") not in self.objects:
            return error(404, "invalid_request_error", code="resource_missing")
        prefix = {"customers": "cus", "payment_intents": "pi", "refunds": "re"}[kind]
        known = self.objects.get(rest[0]) if rest else None
        if rest and known is None:
            return error(404, "invalid_request_error", code="resource_missing")
        made = known or {"id": f"{prefix}_{len(self.objects) + 1}", "object": kind[:-1], "livemode": False}
        made |= {name: value for name, value in form.items() if "[" not in name}
        made["metadata"] = {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
        if "amount" in made:
            made["amount"] = int(made["amount"])
        if kind == "payment_intents":
            states = {"capture": "succeeded", "cancel": "canceled"}
            made["status"] = states[rest[1]] if len(rest) > 1 else "requires_payment_method"
        if kind == "refunds":
            made["status"] = "succeeded"
        self.objects[made["id"]] = made
        return Answer(200, dict(made))


def error(status: int, kind: str, **said: Any) -> Answer:
    return Answer(status, {"error": {"type": kind, "message": "It did not work.", **said}}, {"Request-Id": "req_1"})


@pytest.fixture
def stripe():
    stripe = Stripe()
    with standing_in(stripe) as server:
        stripe.server = server
        yield stripe


def adapter_at(server) -> StripeAdapter:
    adapter = StripeAdapter()
    adapter.api_url = server.url
    return adapter


@pytest.fixture(params=["execute", "aexecute"])
def call(request, stripe):
    def do(action, params, **context):
        given = {"api_key": API_KEY, **params}
        return through(request.param, adapter_at(stripe.server), action, given, context_of(stripe.server, **context))

    return do


PAYMENT = {"amount": 1099, "currency": "EUR", "metadata": {"order": 7}}


def test_a_payment_from_customer_to_refund(call):
    customer = call("create_customer", {"email": "ann@example.com"}, idempotency_key="1")
    payment = call("create_payment_intent", {**PAYMENT, "customer": customer["id"]}, idempotency_key="2")
    taken = call("capture_payment_intent", {"payment_intent": payment["id"]}, idempotency_key="3")
    refund = call("create_refund", {"payment_intent": payment["id"], "amount": 99}, idempotency_key="4")
    call("update_customer", {"customer": customer["id"], "name": "Ann"}, idempotency_key="5")

    assert (payment["amount"], payment["currency"], payment["metadata"]) == (1099, "eur", {"order": "7"})
    assert (taken["status"], refund["amount"]) == ("succeeded", 99)
    assert call("get_customer", {"customer": customer["id"]})["name"] == "Ann"
    assert call("get_payment_intent", {"payment_intent": payment["id"]})["status"] == "succeeded"
    cancelled = call("cancel_payment_intent", {"payment_intent": payment["id"]}, idempotency_key="6")
    assert cancelled["status"] == "canceled"


def test_a_repeat_after_a_lost_reply_makes_no_second_payment(call, stripe):
    stripe.server.mishaps.append(Answer(hangs_up=True))
    with pytest.raises(ConnectorError) as raised:
        call("create_payment_intent", PAYMENT)
    assert (raised.value.retryable, raised.value.in_doubt) == (True, False)
    first, again = call("create_payment_intent", PAYMENT), call("create_payment_intent", PAYMENT, attempt=2)

    assert first == again
    assert len(stripe.objects) == 1
    assert {request.headers["idempotency-key"] for request in stripe.server.received} == {KEY}


def test_another_body_under_the_same_key_is_told_and_not_repeated(call):
    call("create_payment_intent", PAYMENT)
    with pytest.raises(ConnectorError) as raised:
        call("create_payment_intent", {**PAYMENT, "amount": 5})

    assert (raised.value.code, raised.value.retryable) == ("stripe_idempotency_error", False)


@pytest.mark.parametrize(
    ("answer", "code", "retryable", "in_doubt"),
    [
        (error(402, "card_error", code="card_declined", decline_code="lost_card"), "stripe_lost_card", False, False),
        (error(401, "invalid_request_error"), "stripe_invalid_request_error", False, False),
        (error(409, "api_error", code="idempotency_key_in_use"), "stripe_idempotency_key_in_use", True, False),
        (error(429, "invalid_request_error", code="rate_limit"), "stripe_rate_limit", True, False),
        (error(500, "api_error"), "stripe_api_error", True, False),
        (Answer(500, {"error": {"type": "x"}}, {"Stripe-Should-Retry": "false"}), "stripe_x", False, False),
        (Answer(400, {"error": {"type": "x"}}, {"Stripe-Should-Retry": "true"}), "stripe_x", True, False),
        (Answer(502, "<html>"), "stripe_http_502", True, False),
        (Answer(200, "<html>"), "stripe_http_200", True, False),
        (Answer(200, {"deleted": 1}), "stripe_http_200", True, False),
    ],
)  # fmt: skip
def test_what_stripes_answers_mean(call, stripe, answer, code, retryable, in_doubt):
    stripe.server.mishaps.append(answer)
    with pytest.raises(ConnectorError) as raised:
        call("create_payment_intent", PAYMENT)

    assert (raised.value.code, raised.value.retryable, raised.value.in_doubt) == (code, retryable, in_doubt)


@pytest.mark.parametrize("answer", [Answer(500, {}), Answer(hangs_up=True), Answer(200, "?")])
def test_without_a_key_a_lost_write_is_in_doubt(call, stripe, answer):
    stripe.server.mishaps.append(answer)
    with pytest.raises(ConnectorError) as raised:
        call("create_refund", {"charge": "ch_1"}, idempotency_key="")

    assert (raised.value.retryable, raised.value.in_doubt) == (False, True)


@pytest.mark.parametrize(
    ("action", "params", "message"),
    [
        ("create_payment_intent", {"currency": "eur"}, "`amount` is required"),
        ("create_payment_intent", {**PAYMENT, "amount": 0}, "`amount` is at least 1"),
        ("create_payment_intent", {**PAYMENT, "amount": "1"}, "`amount` must be integer"),
        ("create_payment_intent", {**PAYMENT, "currency": "euro"}, "`currency` does not look like"),
        ("create_payment_intent", {**PAYMENT, "metadata": {"a": {}}}, "`metadata.a` must be"),
        ("get_customer", {"customer": "cus_1/../x"}, "`customer` does not look like"),
        ("create_refund", {}, "Give one of"),
        ("create_refund", {"payment_intent": "pi_1", "charge": "ch_1"}, "Give one of"),
        ("create_customer", {"mail": "x"}, "takes no `mail`"),
        ("create_customer", {"api_key": None}, "`api_key` is required"),
    ],
)
def test_wrong_parameters_are_named_and_nothing_is_sent(call, stripe, action, params, message):
    with pytest.raises(ConnectorError, match=message) as raised:
        call(action, params)

    assert raised.value.code == "invalid_params"
    assert stripe.server.received == []


def test_a_connected_account_and_the_trace_go_along(call, stripe):
    call("create_customer", {"stripe_account": "acct_1"})

    headers = stripe.server.received[0].headers
    assert (headers["stripe-account"], headers["x-trace-id"][:4]) == ("acct_1", "0af7")


def test_keys_hold_for_a_day_and_reads_need_none():
    writes = [spec for spec in StripeAdapter.actions.values() if spec.effect != "read"]

    assert {(spec.idempotency, spec.native_window_seconds) for spec in writes} == {("native", 86_400)}
    assert all(spec.may_repeat({}, {}) for spec in StripeAdapter.actions.values())


def test_a_connection_is_checked():
    StripeAdapter().validate_config({"api_key": "rk_live_x"})
    for config in ({}, {"api_key": 5}, {"api_key": "x", "more": 1}):
        with pytest.raises(ConnectorError):
            StripeAdapter().validate_config(config)


class TestStripeContract(ConnectorContractTest):
    adapter_cls = StripeAdapter
    calls: ClassVar = {
        "create_customer": {"api_key": API_KEY, "email": "ann@example.com"},
        "create_payment_intent": {"api_key": API_KEY, **PAYMENT},
    }
    failing_calls: ClassVar = {
        "get_customer": {"api_key": CANARY, "customer": "cus_1"},
        "create_refund": {"api_key": API_KEY, "payment_intent": "pi_404"},
    }
    slow_calls: ClassVar = {"create_customer": {"api_key": API_KEY, "name": "slow"}}

    @pytest.fixture(autouse=True)
    def _stripe(self, stripe):
        self.server = stripe.server

    def make_adapter(self) -> StripeAdapter:
        return adapter_at(self.server)

    def make_context(self, **changes: Any) -> dict[str, Any]:
        fresh = {"egress": self.server.policy, "idempotency_key": f"k{len(self.server.received)}"}
        return super().make_context(**fresh | changes)


def test_no_key_is_shown_in_an_error(call):
    with pytest.raises(ConnectorError) as raised:
        call("get_customer", {"customer": "cus_9"}, secrets={"STRIPE": API_KEY})

    assert raised.value.code == "stripe_resource_missing"
    assert API_KEY not in json.dumps(raised.value.details) + str(raised.value)


def test_a_connection_is_tested_by_looking_at_the_balance():
    def answer(request: Received) -> Answer:
        if request.headers["authorization"] == "Bearer sk_right":
            return Answer(200, {"object": "balance", "livemode": False})
        return Answer(401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}})

    with standing_in(answer) as server:
        adapter, context = adapter_at(server), context_of(server)
        assert adapter.test({"api_key": "sk_right"}, context) == "Stripe accepts the key, in test mode."
        with pytest.raises(ConnectorError, match="Invalid API Key"):
            adapter.test({"api_key": "sk_wrong"}, context)
        assert server.routes == ["GET /v1/balance"] * 2
