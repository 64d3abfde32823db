"""What a webhook endpoint may be: names, paths, secrets, options. Plain checks that store nothing."""

from __future__ import annotations

import re

from automate.ingest import schemes
from automate.ingest.verify import SECRET_PREFIX, secret_bytes
from automate.models import WebhookEndpoint
from automate_governance.errors import Invalid

MIN_SECRET_LENGTH, MAX_SECRET_LENGTH = 16, 255

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_EVENT_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,199}")
_SECRET = re.compile(rf"[!-~]{{{MIN_SECRET_LENGTH},{MAX_SECRET_LENGTH}}}")
_PATH = re.compile(r"([^\s.]+(\.[^\s.]+)*)?")


class InvalidEndpoint(Invalid):
    """The endpoint cannot be as asked; `details.param` names what is wrong."""

    code = "invalid_endpoint"


def check_endpoint(endpoint: WebhookEndpoint) -> None:
    """Raise InvalidEndpoint for the first thing that is wrong; the options of a custom scheme become complete ones."""
    if not _SLUG.fullmatch(endpoint.slug):
        raise refusal("slug", "A name holds small letters, digits, - and _, at most 60.")
    if endpoint.auth not in WebhookEndpoint.Auth.values:
        raise refusal("auth", f"Choose one of {', '.join(WebhookEndpoint.Auth.values)}.")
    if not _EVENT_TYPE.fullmatch(endpoint.event_type):
        raise refusal("event_type", "An event type holds letters, digits and . _ : / -, at most 200.")
    for param in ("type_path", "dedupe_path"):
        path = getattr(endpoint, param)
        if len(path) > 200 or not _PATH.fullmatch(path):
            raise refusal(param, "A path is names with dots between them, such as order.id.")
    endpoint.auth_options = _complete_options(endpoint)


def check_secret(auth: str, secret: str) -> None:
    """Raise InvalidEndpoint for a secret that the scheme cannot have."""
    if not _SECRET.fullmatch(secret):
        raise refusal(
            "secret",
            f"A signing secret has {MIN_SECRET_LENGTH} to {MAX_SECRET_LENGTH} visible ASCII characters, no spaces.",
        )
    if auth in {"standard_webhooks", "stripe"} and not secret.startswith(SECRET_PREFIX):
        raise refusal("secret", f"This secret starts with {SECRET_PREFIX}; copy the whole of it.")
    if auth == "standard_webhooks" and not secret_bytes(secret):
        raise refusal("secret", f"Behind {SECRET_PREFIX} there must be base64.")


def refusal(param: str, message: str) -> InvalidEndpoint:
    return InvalidEndpoint(message, details={"param": param})


def _complete_options(endpoint: WebhookEndpoint) -> dict[str, object] | None:
    if endpoint.auth != schemes.CUSTOM:
        return None
    if not isinstance(endpoint.auth_options, dict):
        raise refusal("header", "Name the header that carries the signature, such as X-Signature.")
    try:
        return schemes.parse_options(endpoint.auth_options).as_dict()
    except schemes.InvalidOptions as error:
        raise refusal(error.param, error.message) from error
