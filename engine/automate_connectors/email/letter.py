"""A letter, made of parameters. Addresses and headers are checked: a line break would begin a new header."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from typing import Any

from automate_connectors.inputs import invalid


def compose(params: Mapping[str, Any], *, key: str, now: datetime) -> tuple[EmailMessage, str, list[str]]:
    """The message, its envelope's sender, and all recipients, each once. Raises ConnectorError (`invalid_params`).

    `key`: the step's idempotency key. The Message-ID is made of it, so that a letter sent twice can be known as one.
    """
    if not params.get("text") and not params.get("html"):
        raise invalid("Give `text`, `html`, or both.")
    sender = _addresses(params, "from")
    if len(sender) != 1:
        raise invalid("`from` is one address.")
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    shown = {name: _addresses(params, name) for name in ("to", "cc", "bcc", "reply_to")}
    for header, name in (("To", "to"), ("Cc", "cc"), ("Reply-To", "reply_to")):
        if shown[name]:
            message[header] = shown[name]
    _set(message, "Subject", params["subject"], "subject")
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(key, sender[0].domain)
    for name, value in params.get("headers", {}).items():
        if not name.lower().startswith(("x-", "list-")) or not name.replace("-", "").isalnum() or not name.isascii():
            raise invalid("`headers` takes names that begin with X- or List-.")
        _set(message, name, value, f"headers.{name}")
    _fill(message, params)
    recipients = [address.addr_spec for name in ("to", "cc", "bcc") for address in shown[name]]
    return message, sender[0].addr_spec, list(dict.fromkeys(recipients))


def message_id(key: str, domain: str) -> str:
    """
    >>> message_id("5d41", "example.com")
    '<automate.5d41@example.com>'
    """
    return f"<automate.{key or uuid.uuid4().hex}@{domain}>"


def _fill(message: EmailMessage, params: Mapping[str, Any]) -> None:
    text, html = params.get("text"), params.get("html")
    try:
        message.set_content(text if text else html, subtype="plain" if text else "html")
        if text and html:
            message.add_alternative(html, subtype="html")
            digest = hashlib.sha256(f"{text}\0{html}".encode()).hexdigest()[:24]
            message.set_boundary(f"automate-{digest}")
    except UnicodeEncodeError:
        raise invalid("The text holds half a character (a lone surrogate).") from None


def _set(message: EmailMessage, header: str, value: str, name: str) -> None:
    if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in value):
        raise invalid(f"`{name}` holds a line break or another control character.")
    message[header] = value


def _addresses(params: Mapping[str, Any], name: str) -> list[Address]:
    given = params.get(name) or []
    texts = [given] if isinstance(given, str) else list(given)
    if any(ord(character) < 32 for text in texts for character in text):
        raise invalid(f"`{name}` holds a line break or another control character.")
    try:
        found = [Address(display_name=shown, addr_spec=spec) for shown, spec in getaddresses(texts)]
    except (ValueError, IndexError, AttributeError):
        raise invalid(f"`{name}` holds something that is no e-mail address.") from None
    except Exception as error:  # email's own parser errors share no base class
        raise invalid(f"`{name}` holds something that is no e-mail address ({type(error).__name__}).") from None
    if any(not address.username or not address.domain for address in found) or len(found) < len(texts):
        raise invalid(f"`{name}` holds something that is no e-mail address.")
    return found
