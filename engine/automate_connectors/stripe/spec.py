"""The forms of the `stripe` actions. Source: Stripe's API reference, version in `connector.API_VERSION`."""

from __future__ import annotations

from typing import Any

from automate_connectors.fields import Field, boolean, integer, mapping, secret, text
from automate_connectors.models import ActionSpec, Effect

KEY_WINDOW_SECONDS = 86_400  # Stripe keeps a key's result for at least 24 hours

CONFIG: dict[str, Field] = {
    "api_key": secret(
        "API key",
        required=True,
        description="A secret or restricted key of your Stripe account.",
        examples=[{"$secret": "STRIPE_KEY"}],
    )
}
_ACCOUNT = text("Connected account", description="Act for this account.", examples=["acct_1032D82eZvKYlo2C"])
_METADATA = mapping(
    "Metadata",
    description="Up to 50 names with texts; kept with the object.",
    maxProperties=50,
    additionalProperties={"type": ["string", "number", "boolean", "null"]},
    examples=[{"order": "{{ payload.id }}"}],
)
_AMOUNT: dict[str, Any] = {
    "minimum": 1,
    "description": "In the currency's smallest unit: 1099 is 10.99 EUR, 500 is ¥500.",
    "examples": [1099],
}
_CUSTOMER = text("Customer", pattern="^cus_[A-Za-z0-9_]+$", examples=["cus_9s6XKzkNRiz8i3"])
_INTENT = text("Payment intent", pattern="^pi_[A-Za-z0-9_]+$", examples=["pi_3MtwBwLkdIwHu7ix28a3tqPa"])
_CUSTOMER_FIELDS: dict[str, Field] = {
    "email": text("E-mail", format="email", examples=["ann@example.com"]),
    "name": text("Name", examples=["Ann Example"]),
    "phone": text("Phone"),
    "description": text("Description"),
    "metadata": _METADATA,
}


def _outputs(**more: Field) -> dict[str, Field]:
    return {
        "id": text("Id"),
        "object": text("Kind of object"),
        "livemode": boolean("Live"),
        **more,
        "metadata": mapping("Metadata"),
    }


_CUSTOMER_OUT = _outputs(email={"type": ["string", "null"], "title": "E-mail"})
_INTENT_OUT = _outputs(
    amount=integer("Amount"), currency=text("Currency"), status=text("Status", examples=["succeeded"])
)


def _write(
    name: str, description: str, inputs: dict[str, Field], outputs: dict[str, Field], effect: Effect
) -> ActionSpec:
    return ActionSpec(
        inputs={**CONFIG, **inputs, "stripe_account": _ACCOUNT},
        outputs=outputs,
        effect=effect,
        idempotency="native",
        native_window_seconds=KEY_WINDOW_SECONDS,
        name=name,
        description=description,
    )


def _read(name: str, description: str, inputs: dict[str, Field], outputs: dict[str, Field]) -> ActionSpec:
    return ActionSpec(
        inputs={**CONFIG, **inputs, "stripe_account": _ACCOUNT},
        outputs=outputs,
        effect="read",
        name=name,
        description=description,
    )


ACTIONS = {
    "create_customer": _write("Create customer", "Add a customer.", _CUSTOMER_FIELDS, _CUSTOMER_OUT, "write"),
    "update_customer": _write(
        "Update customer",
        "Change what is given, leave the rest.",
        {"customer": {**_CUSTOMER, "required": True}, **_CUSTOMER_FIELDS},
        _CUSTOMER_OUT,
        "write",
    ),
    "get_customer": _read(
        "Get customer", "Read one customer.", {"customer": {**_CUSTOMER, "required": True}}, _CUSTOMER_OUT
    ),
    "create_payment_intent": _write(
        "Create payment intent",
        "Begin a payment, or take it at once with `confirm`.",
        {
            "amount": integer("Amount", required=True, **_AMOUNT),
            "currency": text("Currency", required=True, pattern="^[A-Za-z]{3}$", examples=["eur"]),
            "customer": _CUSTOMER,
            "payment_method": text("Payment method", examples=["pm_card_visa"]),
            "confirm": boolean("Confirm at once", default=False),
            "off_session": boolean("Customer is not present", description="With `confirm` only."),
            "capture_method": text("Capture", enum=["automatic", "automatic_async", "manual"]),
            "return_url": text("Return URL", format="uri", description="Where a redirect payment comes back to."),
            "automatic_payment_methods": mapping(
                "Automatic payment methods",
                examples=[{"enabled": True, "allow_redirects": "never"}],
            ),
            "description": text("Description"),
            "receipt_email": text("Receipt to", format="email"),
            "metadata": _METADATA,
        },
        _INTENT_OUT,
        "write",
    ),
    "get_payment_intent": _read(
        "Get payment intent", "Read one payment.", {"payment_intent": {**_INTENT, "required": True}}, _INTENT_OUT
    ),
    "capture_payment_intent": _write(
        "Capture payment intent",
        "Take the money of an authorised payment.",
        {
            "payment_intent": {**_INTENT, "required": True},
            "amount_to_capture": integer("Amount to capture", **{**_AMOUNT, "description": "All of it where absent."}),
        },
        _INTENT_OUT,
        "irreversible",
    ),
    "cancel_payment_intent": _write(
        "Cancel payment intent",
        "Give up a payment that was not taken.",
        {
            "payment_intent": {**_INTENT, "required": True},
            "cancellation_reason": text(
                "Reason", enum=["duplicate", "fraudulent", "requested_by_customer", "abandoned"]
            ),
        },
        _INTENT_OUT,
        "irreversible",
    ),
    "create_refund": _write(
        "Create refund",
        "Give money back, all of it where no amount is named.",
        {
            "payment_intent": {**_INTENT, "description": "This, or `charge`."},
            "charge": text("Charge", examples=["ch_1NirD82eZvKYlo2CIvbtLWuY"]),
            "amount": integer("Amount", **_AMOUNT),
            "reason": text("Reason", enum=["duplicate", "fraudulent", "requested_by_customer"]),
            "metadata": _METADATA,
        },
        _outputs(amount=integer("Amount"), status={"type": ["string", "null"], "title": "Status"}),
        "irreversible",
    ),
}
