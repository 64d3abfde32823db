"""`email.send`: by the mail server that the step names, or by Django's, where the installation allows it.

`DJANGO_AUTOMATE["EMAIL"]["backend"]` is "django" (the default: this project's EMAIL_BACKEND) or "none": for a host of
many tenants, whose mail server is not theirs; they bring their own.
"""

from __future__ import annotations

import os
import smtplib
import ssl
import sys
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from automate_connectors.adapters.base import ConnectorAdapter, unknown_action
from automate_connectors.email.letter import compose
from automate_connectors.email.smtp import Delivery, Server, deliver, opened
from automate_connectors.email.spec import ACTIONS, CONFIG
from automate_connectors.inputs import checked, invalid
from automate_connectors.models import ActionSpec, ConnectorError
from automate_connectors.web import egress_of, lost
from automate_governance.clock import Clock, SystemClock
from automate_governance.egress import EgressError
from automate_governance.redaction import redact_text


class EmailAdapter(ConnectorAdapter):
    code = "email"
    name = "E-mail"
    description = "Send letters by your own mail server."
    actions = ACTIONS
    connection = ActionSpec(inputs={**CONFIG, "host": {**CONFIG["host"], "required": True}}, effect="read")

    def __init__(self, clock: Clock | None = None, trust: ssl.SSLContext | None = None):
        self._clock = clock or SystemClock()
        self._trust = trust

    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """Hand over one letter. Raises ConnectorError. Blocks; the engine gives it a thread."""
        if action != "send":
            raise unknown_action(self, action)
        given = checked(self.actions[action], params)
        now: datetime = self._clock.now()
        message, sender, recipients = compose(given, key=str(context.get("idempotency_key") or ""), now=now)
        delivery = Delivery()
        try:
            if "smtp" in given:
                self._by_smtp(given["smtp"], message, sender, recipients, delivery, context)
            else:
                _by_django(given, message, delivery)
        except EgressError as error:
            raise lost(error, is_safe=True) from None
        except (OSError, smtplib.SMTPException) as error:
            raise _failure(error, delivery, context) from None
        return {
            "message_id": str(message["Message-ID"]),
            "accepted": [recipient for recipient in recipients if recipient not in delivery.refused],
            "refused": delivery.refused,
        }

    def test(self, params: dict[str, Any], context: dict[str, Any]) -> str:
        """Connects, proves the server's name, logs in, and says good-bye: no letter is written."""
        given = checked(self.connection, params)
        _refuse_clear_password(given)
        server = Server.read(given, self._trust)
        seconds = 0.95 * float(context.get("timeout_seconds") or 60.0)
        try:
            with opened(server, policy=egress_of(context).policy, timeout_seconds=seconds):
                pass
        except EgressError as error:
            raise lost(error, is_safe=True) from None
        except (OSError, smtplib.SMTPException) as error:
            raise _failure(error, Delivery(), context) from None
        return f"{server.host} answers{' and lets ' + server.username + ' in' if server.username else ''}."

    def validate_config(self, config: dict[str, Any]) -> None:
        """Raise ConnectorError (`invalid_params`) naming the first field of a mail server that does not fit."""
        if not config.get("host"):
            raise invalid("`host` is required.")
        _refuse_clear_password(checked(ActionSpec(inputs=CONFIG), config))

    def _by_smtp(
        self,
        smtp: Mapping[str, Any],
        message: EmailMessage,
        sender: str,
        recipients: list[str],
        delivery: Delivery,
        context: Mapping[str, Any],
    ) -> None:
        _refuse_clear_password(smtp)
        deliver(
            Server.read(smtp, self._trust),
            message,
            sender,
            recipients,
            delivery,
            policy=egress_of(context).policy,
            timeout_seconds=0.95 * float(context.get("timeout_seconds") or 60.0),
        )


def _refuse_clear_password(smtp: Mapping[str, Any]) -> None:
    if smtp.get("security") == "none" and (smtp.get("username") or smtp.get("password")):
        raise invalid("`smtp.security` none sends in clear; user name and password need starttls or tls.")


def _by_django(given: Mapping[str, Any], message: EmailMessage, delivery: Delivery) -> None:
    """By the project's own EMAIL_BACKEND, which may be anything: one whose answer fails is in doubt."""
    django_conf = sys.modules.get("django.conf")
    if django_conf is None or not (django_conf.settings.configured or "DJANGO_SETTINGS_MODULE" in os.environ):
        raise invalid("`smtp` is required: there is no mail server here.")
    options = getattr(django_conf.settings, "DJANGO_AUTOMATE", {}).get("EMAIL", {})
    if options.get("backend", "django") != "django":
        raise invalid("`smtp` is required: letters go by a mail server of your own.")
    from django.core.mail import EmailMultiAlternatives, get_connection

    shown = {"Message-ID": message["Message-ID"], **{name: message[name] for name in given.get("headers", {})}}
    letter = EmailMultiAlternatives(
        subject=given["subject"],
        body=given.get("text") or given["html"],
        from_email=str(message["From"]),
        to=_list(given["to"]),
        cc=_list(given.get("cc")),
        bcc=_list(given.get("bcc")),
        reply_to=_list(given.get("reply_to")),
        headers=shown,
    )
    if not given.get("text"):
        letter.content_subtype = "html"
    elif given.get("html"):
        letter.attach_alternative(given["html"], "text/html")
    delivery.is_handed_over = True
    if get_connection(fail_silently=False).send_messages([letter]) != 1:
        raise smtplib.SMTPException("the project's mail backend did not send it")


def _list(addresses: Any) -> list[str]:
    return [addresses] if isinstance(addresses, str) else list(addresses or ())


def _failure(error: Exception, delivery: Delivery, context: Mapping[str, Any]) -> ConnectorError:
    """4xx: not now; 5xx: not at all (RFC 5321, 4.2.1). After the last byte of the letter, silence is doubt."""
    secrets = tuple((context.get("secrets") or {}).values())
    details: dict[str, Any] = {"refused": delivery.refused} if delivery.refused else {}
    in_doubt = delivery.is_handed_over
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return ConnectorError(
            f"The mail server answered {error.smtp_code}: {redact_text(str(said), secrets)[:300]}",
            retryable=400 <= error.smtp_code < 500 and not in_doubt,
            code=f"smtp_{error.smtp_code}",
            details={"smtp_code": error.smtp_code, **details},
            in_doubt=in_doubt,
        )
    if isinstance(error, ssl.SSLError):
        return ConnectorError("The mail server could not prove its name by TLS.", code="tls_failed", in_doubt=in_doubt)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return ConnectorError("The mail server offers no STARTTLS or no log-in.", code="smtp_not_supported")
    is_late = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
    return ConnectorError(
        "The mail server did not answer in time." if is_late else "The connection to the mail server broke off.",
        retryable=not in_doubt,
        code="timeout" if is_late else "connection_lost",
        details=details,
        in_doubt=in_doubt,
    )
