"""The form of `email.send`."""

from __future__ import annotations

from automate_connectors.fields import Field, integer, mapping, secret, text, texts
from automate_connectors.models import ActionSpec

CONFIG: dict[str, Field] = {
    "host": text("Mail server", minLength=1, examples=["smtp.example.com"]),
    "port": integer("Port", default=587, minimum=1, maximum=65535),
    "security": text(
        "Security",
        enum=["starttls", "tls", "none"],
        default="starttls",
        description="starttls: port 587. tls: from the first byte, port 465. none: in clear, without a password.",
    ),
    "username": text("User name"),
    "password": secret("Password", examples=[{"$secret": "SMTP_PASSWORD"}]),
}
_ADDRESSES: Field = {"items": {"type": "string", "minLength": 3}, "type": ["array", "string"], "maxItems": 100}

ACTIONS = {
    "send": ActionSpec(
        name="Send",
        description="Send one letter. Without a mail server it goes by the installation's own, where that is allowed.",
        inputs={
            "to": {**_ADDRESSES, "title": "To", "required": True, "minItems": 1, "examples": [["ann@example.com"]]},
            "cc": {**_ADDRESSES, "title": "Cc"},
            "bcc": {**_ADDRESSES, "title": "Bcc", "description": "Not shown in the letter."},
            "from": text("From", required=True, minLength=3, examples=["Shop <shop@example.com>"]),
            "reply_to": {**_ADDRESSES, "title": "Reply to"},
            "subject": text("Subject", required=True, maxLength=900, examples=["Order {{ payload.id }}"]),
            "text": text("Text", format="textarea", maxLength=1_000_000),
            "html": text("HTML", format="textarea", maxLength=1_000_000, description="Shown in place of the text."),
            "headers": mapping(
                "Further headers",
                additionalProperties={"type": "string"},
                maxProperties=20,
                description="Names begin with X- or List-.",
                examples=[{"X-Order": "{{ payload.id }}"}],
            ),
            "smtp": {
                "type": "object",
                "title": "Mail server",
                "properties": CONFIG,
                "required": ["host"],
                "additionalProperties": False,
                "examples": [
                    {"host": "smtp.example.com", "username": "shop", "password": {"$secret": "SMTP_PASSWORD"}}
                ],
            },
        },
        outputs={
            "message_id": text("Message-ID", description="The same on every attempt."),
            "accepted": texts("Accepted"),
            "refused": {
                "type": "object",
                "title": "Refused",
                "description": "Address → what the server said; the others got the letter.",
            },
        },
        effect="irreversible",
        idempotency="none",
    ),
}
