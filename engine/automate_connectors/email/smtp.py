"""One SMTP conversation: connects to an address that egress has checked, proves the server's name by TLS, sends.

How far it came is kept: only from the end of the letter to the server's answer is it in doubt whether it was taken.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from automate_governance.egress import EgressPolicy, checked_addresses

LOCAL_NAME = "automate.invalid"  # said in EHLO: this machine's own name is nobody's business


@dataclass
class Delivery:
    """What became of one letter. `is_handed_over`: all of it was sent, whatever the answer."""

    refused: dict[str, str] = field(default_factory=dict)
    is_handed_over: bool = False


@dataclass(frozen=True)
class Server:
    """`security`: starttls, tls or none. `trust`: replaces the machine's certificates in tests."""

    host: str
    port: int
    security: str
    username: str = ""
    password: str = field(default="", repr=False)
    trust: ssl.SSLContext | None = None

    @classmethod
    def read(cls, smtp: Mapping[str, Any], trust: ssl.SSLContext | None) -> Server:
        security = smtp.get("security", "starttls")
        port = smtp.get("port") or {"starttls": 587, "tls": 465, "none": 25}[security]
        return cls(smtp["host"], port, security, smtp.get("username") or "", smtp.get("password") or "", trust)


def deliver(
    server: Server,
    message: EmailMessage,
    sender: str,
    recipients: list[str],
    delivery: Delivery,
    *,
    policy: EgressPolicy,
    timeout_seconds: float,
) -> None:
    """Hand the letter over. Raises EgressError, OSError, smtplib.SMTPException; `delivery` says how far it came."""
    with opened(server, policy=policy, timeout_seconds=timeout_seconds) as conversation:
        _hand_over(conversation, message, sender, recipients, delivery)


@contextmanager
def opened(server: Server, *, policy: EgressPolicy, timeout_seconds: float) -> Iterator[smtplib.SMTP]:
    """A conversation that has come as far as the log-in. Raises as `deliver`."""
    ends = time.monotonic() + timeout_seconds
    addresses = checked_addresses("smtp", server.host, server.port, policy=policy, timeout_seconds=timeout_seconds)
    context = server.trust or ssl.create_default_context()
    with _Conversation(server, addresses[0], ends, context) as conversation:
        conversation.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            conversation.starttls(context=context)
            conversation.ehlo_or_helo_if_needed()
        if server.username:
            conversation.login(server.username, server.password)
        yield conversation


def _hand_over(
    conversation: smtplib.SMTP, message: EmailMessage, sender: str, recipients: list[str], delivery: Delivery
) -> None:
    content = message.as_bytes(policy=SMTP.clone(max_line_length=998) if message.is_multipart() else SMTP)
    _expect(conversation.mail(sender), smtplib.SMTPSenderRefused, sender)
    for recipient in recipients:
        code, said = conversation.rcpt(recipient)
        if code not in (250, 251):
            delivery.refused[recipient] = f"{code} {said.decode('utf-8', 'replace')[:200]}"
            if code == 421:
                raise smtplib.SMTPResponseException(code, said)
    if len(delivery.refused) == len(recipients):
        codes = [int(said[:3]) for said in delivery.refused.values()]
        raise smtplib.SMTPResponseException(min(codes), delivery.refused[recipients[0]][4:])
    code, said = conversation.docmd("DATA")
    if code != 354:
        raise smtplib.SMTPDataError(code, said)
    delivery.is_handed_over = True
    conversation.send(_stuffed(content))
    code, said = conversation.getreply()
    if code != 250:
        delivery.is_handed_over = False  # the server says that it did not take it
        raise smtplib.SMTPDataError(code, said)


def _stuffed(content: bytes) -> bytes:
    """Lines end in CRLF, a dot at a line's beginning is doubled, and a lone dot ends it (RFC 5321, 4.5.2)."""
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n").split(b"\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b"\r\n.\r\n"


def _expect(answer: tuple[int, bytes], error: Any, sender: str) -> None:
    if answer[0] != 250:
        raise error(answer[0], answer[1], sender)


class _Conversation(smtplib.SMTP):
    """smtplib's own, on a socket to the checked address; every wait is bounded by what is left of the step's time."""

    def __init__(self, server: Server, address: str, ends: float, context: ssl.SSLContext):
        self._server, self._address, self._ends, self._context = server, address, ends, context
        super().__init__(server.host, server.port, LOCAL_NAME, timeout=self._left())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((self._address, port), min(5.0, self._left()))
        plain.settimeout(self._left())
        if self._server.security != "tls":
            return plain
        return self._context.wrap_socket(plain, server_hostname=self._server.host)

    def getreply(self) -> tuple[int, bytes]:
        if self.sock is not None:
            self.sock.settimeout(self._left())
        return super().getreply()

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the step's time is over")
        return left
