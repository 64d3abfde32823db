"""The mailbox at home: mail that this installation would send, kept as files and shown on a page of the app's host.

Only while `EMAIL_BACKEND` names this class, and only for callers on this machine at an address of this machine: with a
real mail server, or on a public address, the page does not exist.
"""

from __future__ import annotations

import email
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from automate_governance.errors import NotFound
from automate_tenants.hosts import is_local_name
from automate_web.requests import app_page

KEPT = 200  # newest messages; older files are removed


@dataclass(frozen=True)
class Letter:
    name: str
    to: str
    subject: str
    body: str
    sent_at: datetime


class MailboxBackend(BaseEmailBackend):
    """Writes each message to `MAILBOX_DIR`, readable by this user alone (a reset link opens an account)."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{time.time_ns():020}-{token_hex(4)}.eml"
            partial = folder / f".{name}"
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(message.message().as_bytes())
            partial.rename(folder / name)
        for old in sorted(folder.glob("*.eml"))[:-KEPT]:
            old.unlink(missing_ok=True)
        return len(email_messages)


def is_open(request: HttpRequest) -> bool:
    """Whether mail ends here and this caller may read it: a letter can open an account, so only on this machine.

    A workflow's request comes from this machine too (our own port is a private target, for the echo endpoint): egress
    marks it with `Via`, which no workflow can leave out.
    """
    if "HTTP_VIA" in request.META:
        return False
    is_ours = f"{MailboxBackend.__module__}.{MailboxBackend.__qualname__}" == settings.EMAIL_BACKEND
    here = urlsplit(settings.BASE_URL).hostname
    return is_ours and is_local_name(here) and is_local_name(request.META.get("REMOTE_ADDR"))


def letters(limit: int = 50) -> list[Letter]:
    """The newest letters first."""
    return [_read(path) for path in sorted(_folder().glob("*.eml"), reverse=True)[:limit]]


@require_GET
@app_page
def mailbox(request: HttpRequest) -> HttpResponse:
    """GET /mailbox/"""
    if not is_open(request):
        raise NotFound("There is no mailbox here.")
    return render(request, "mailbox/list.html", {"letters": letters()})


def _read(path: Path) -> Letter:
    message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    body = message.get_body(preferencelist=("plain", "html"))
    return Letter(
        name=path.stem,
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        body=str(body.get_content()) if body else "",
        sent_at=datetime.fromtimestamp(int(path.stem.split("-")[0]) / 1e9, tz=UTC),
    )


def _folder() -> Path:
    return Path(settings.MAILBOX_DIR)
