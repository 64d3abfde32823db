"""Forms of webhook endpoints: what may be said of one, and the settings of an HMAC of one's own kind."""

from __future__ import annotations

from typing import Any

from django import forms

from automate.ingest.schemes import CUSTOM, HmacOptions
from automate.ingest.schemes.options import ALGORITHMS, ENCODINGS, MAX_TOLERANCE_SECONDS
from automate.models import WebhookEndpoint
from automate_governance.errors import NormalizedError

OPTIONS = {name: name for name in HmacOptions.__dataclass_fields__} | {"prefix": "before_signature"}  # to a field


class EndpointForm(forms.Form):
    """What may be changed of an endpoint; its address and name stay."""

    auth = forms.ChoiceField(label="A sender must prove itself by", choices=WebhookEndpoint.Auth.choices)
    header = forms.CharField(
        label="Header with the signature", max_length=100, required=False, help_text="Such as X-Signature."
    )
    algorithm = forms.ChoiceField(
        label="Algorithm", choices=[(name, f"HMAC-{name.upper()}") for name in ALGORITHMS], required=False
    )
    encoding = forms.ChoiceField(label="Written as", choices=[(name, name) for name in ENCODINGS], required=False)
    before_signature = forms.CharField(
        label="Prefix", max_length=40, required=False, strip=False, help_text="Before the signature, such as sha256=."
    )
    signed = forms.CharField(
        label="What is signed",
        max_length=200,
        required=False,
        help_text="{body} alone, or with the headers below: {timestamp}.{body}, {id}.{timestamp}.{body}.",
    )
    timestamp_header = forms.CharField(
        label="Header with the time", max_length=100, required=False, help_text="Seconds since 1970. Empty: no time."
    )
    tolerance_seconds = forms.IntegerField(
        label="The time may be off by (seconds)", min_value=1, max_value=MAX_TOLERANCE_SECONDS, required=False
    )
    id_header = forms.CharField(
        label="Header with the delivery's id",
        max_length=100,
        required=False,
        help_text="A second request with the same id is a duplicate.",
    )
    secret = forms.CharField(
        label="Signing secret from the sender",
        max_length=255,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Stripe, Slack and Shopify make one: paste it. Else leave it empty: one is made and shown once.",
    )
    event_type = forms.CharField(label="Event type", max_length=200, help_text="What its events are called.")
    type_path = forms.CharField(
        label="Type from the body",
        max_length=200,
        required=False,
        help_text="A dotted path such as meta.event, if the body names the type.",
    )
    dedupe_path = forms.CharField(
        label="Dedupe key from the body",
        max_length=200,
        required=False,
        help_text="A dotted path such as order.id: a second event with the same value is a duplicate.",
    )

    @property
    def option_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in OPTIONS.values()]

    def said(self) -> dict[str, Any]:
        """What was said, as the services take it; the options only where they count."""
        given = {name: value for name, value in self.cleaned_data.items() if name not in OPTIONS.values()}
        options = {name: self.cleaned_data[field] for name, field in OPTIONS.items()}
        options = {name: value for name, value in options.items() if value not in ("", None)}
        return {**given, "auth_options": options if given["auth"] == CUSTOM else None}

    def blame(self, error: NormalizedError) -> None:
        """Say the error beside the field that it names."""
        param = error.details.get("param")
        field = OPTIONS.get(param, param) if isinstance(param, str) else None
        self.add_error(field if field in self.fields else None, error.message)


class NewEndpointForm(EndpointForm):
    slug = forms.CharField(label="Name", max_length=60, help_text="Small letters, digits, - and _. Workflows name it.")


def initial(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """What the form shows of an endpoint; never its secret."""
    names = ("auth", "event_type", "type_path", "dedupe_path")
    options = endpoint.auth_options or HmacOptions(header="").as_dict()
    return {name: getattr(endpoint, name) for name in names} | {OPTIONS[name]: options[name] for name in OPTIONS}
