"""The connector `email` against a real SMTP server on this machine that can refuse, break off and be silent."""

from __future__ import annotations

import email
import email.policy
import ssl
from typing import Any, ClassVar

import pytest
from django.core import mail
from django.test import override_settings

from automate_connectors.email import EmailAdapter
from automate_connectors.models import ConnectorError
from automate_governance.egress import EgressPolicy
from automate_testing.contracts import CANARY, ConnectorContractTest
from tests.support.smtp import smtp_sink

from .doors import KEY, FixedClock
from .mail_server import mail_server

LETTER = {"to": ["ann@example.com"], "from": "Shop <shop@example.com>", "subject": "Päid", "text": "Hi.\n.dot\nBye"}


@pytest.fixture
def sink(tmp_path):
    with smtp_sink(tmp_path) as sink:
        yield sink


def send(port, *, trust=None, timeout_seconds=20.0, smtp=None, **changes):
    server = {"host": "127.0.0.1", "port": port, "security": "none", **(smtp or {})}
    context = {
        "egress": EgressPolicy(private_targets=(f"127.0.0.1:{port}",)),
        "idempotency_key": KEY,
        "timeout_seconds": timeout_seconds,
        "secrets": {},
    }
    return EmailAdapter(FixedClock(), trust).execute("send", {**LETTER, "smtp": server, **changes}, context)


def test_a_letter_arrives_over_tls_with_a_login(sink):
    trust = ssl.create_default_context(cafile=str(sink.certificate))
    smtp = {"security": "starttls", "username": "shop", "password": "s3cret-pw"}
    output = send(sink.port, trust=trust, smtp=smtp, cc="Bo <bo@example.com>", bcc=["cy@example.com"], html="<p>Hi</p>")

    letter = email.message_from_string(sink.letters[0].removesuffix("\r\n.\r\n"), policy=email.policy.default)
    assert sink.logins == [("shop", "s3cret-pw", True)]
    assert output["message_id"] == f"<automate.{KEY}@example.com>" == letter["Message-ID"]
    assert output["accepted"] == ["ann@example.com", "bo@example.com", "cy@example.com"]
    assert (letter["Subject"], letter["From"], letter["Cc"]) == (
        "Päid",
        "Shop <shop@example.com>",
        "Bo <bo@example.com>",
    )
    assert letter["Bcc"] is None and "cy@example.com" not in sink.letters[0]
    assert letter.get_body(("html",)).get_content().strip() == "<p>Hi</p>"


def test_a_server_that_cannot_prove_its_name_gets_neither_password_nor_letter(sink):
    with pytest.raises(ConnectorError) as raised:
        send(sink.port, smtp={"security": "starttls", "username": "shop", "password": "s3cret-pw"})

    assert (raised.value.code, raised.value.retryable, raised.value.in_doubt) == ("tls_failed", False, False)
    assert (sink.logins, sink.letters) == ([], [])


def test_a_password_is_never_sent_in_clear(sink):
    with pytest.raises(ConnectorError, match="in clear"):
        send(sink.port, smtp={"security": "none", "username": "shop", "password": "s3cret-pw"})

    assert sink.logins == []


def test_the_same_letter_has_the_same_bytes_on_every_attempt(sink):
    for _ in range(2):
        send(sink.port, html="<p>Hi</p>", headers={"X-Order": "7"})

    assert sink.letters[0] == sink.letters[1]
    assert "X-Order: 7" in sink.letters[0]
    assert "\r\n..dot\r\n" in sink.letters[0]


@pytest.mark.parametrize(
    ("answers", "code", "retryable", "in_doubt"),
    [
        ({"MAIL": "550 no"}, "smtp_550", False, False),
        ({"MAIL": "451 later"}, "smtp_451", True, False),
        ({"RCPT": "550 unknown"}, "smtp_550", False, False),
        ({"RCPT": "450 greylisted"}, "smtp_450", True, False),
        ({"DATA": "554 no"}, "smtp_554", False, False),
        ({".": "452 full"}, "smtp_452", True, False),
        ({".": "554 spam"}, "smtp_554", False, False),
        ({".": None}, "connection_lost", False, True),
        ({"DATA": None}, "connection_lost", True, False),
        ({"EHLO": None}, "connection_lost", True, False),
        ({"EHLO": "421 busy", "HELO": "421 busy"}, "smtp_421", True, False),
    ],
)
def test_what_the_servers_answers_mean(answers, code, retryable, in_doubt):
    with mail_server(answers) as port, pytest.raises(ConnectorError) as raised:
        send(port)

    assert (raised.value.code, raised.value.retryable, raised.value.in_doubt) == (code, retryable, in_doubt)


@pytest.mark.parametrize(("silent_at", "in_doubt"), [("EHLO", False), (".", True)])
def test_silence_is_a_timeout_and_in_doubt_only_after_the_letter(silent_at, in_doubt):
    with mail_server({silent_at: "silence"}) as port, pytest.raises(ConnectorError) as raised:
        send(port, timeout_seconds=3.0)

    assert (raised.value.code, raised.value.retryable, raised.value.in_doubt) == ("timeout", not in_doubt, in_doubt)


def test_a_refused_recipient_is_named_and_the_others_get_the_letter():
    with mail_server({"RCPT TO:<GONE@EXAMPLE.COM>": "550 unknown"}) as port:
        output = send(port, to=["ann@example.com", "gone@example.com"])

    assert output["accepted"] == ["ann@example.com"]
    assert output["refused"] == {"gone@example.com": "550 unknown"}


@pytest.mark.parametrize(
    "changes",
    [
        {"to": []},
        {"to": ["no address"]},
        {"to": ["ann@example.com\r\nBcc: all@example.com"]},
        {"from": "a@x.example, b@x.example"},
        {"from": ""},
        {"subject": "Hi\r\nBcc: all@example.com"},
        {"subject": None},
        {"text": ""},
        {"text": "\ud800"},
        {"headers": {"Bcc": "x@example.com"}},
        {"headers": {"X-A": "b\nc"}},
        {"headers": {"X-A: b\r\nBcc": "c"}},
        {"smtp": {"port": 25}},
        {"smtp": {"host": "x", "security": "maybe"}},
        {"smtp": {"host": "x", "more": 1}},
    ],
)
def test_a_letter_that_cannot_be_written_is_refused(changes):
    with pytest.raises(ConnectorError) as raised:
        EmailAdapter().execute("send", {**LETTER, "smtp": {"host": "mail.example.com"}, **changes}, {})

    assert raised.value.code == "invalid_params"


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "localhost", "169.254.169.254"])
def test_a_private_mail_server_is_not_connected_to(host):
    with pytest.raises(ConnectorError) as raised:
        EmailAdapter().execute("send", {**LETTER, "smtp": {"host": host}}, {})

    assert (raised.value.code, raised.value.retryable) == ("egress_denied", False)


@override_settings(DJANGO_AUTOMATE={}, EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
def test_without_a_server_of_its_own_it_goes_by_the_projects(mailoutbox):
    params = {**LETTER, "html": "<p>Hi</p>", "bcc": "cy@example.com"}
    output = EmailAdapter().execute("send", params, {"idempotency_key": KEY})

    (letter,) = mailoutbox
    assert letter.extra_headers["Message-ID"] == output["message_id"] == f"<automate.{KEY}@example.com>"
    assert letter.recipients() == ["ann@example.com", "cy@example.com"]
    assert letter.message()["Subject"] is not None
    assert letter.alternatives[0][1] == "text/html"


@pytest.mark.parametrize("of_host", [True, False])
def test_who_shares_an_installation_cannot_use_its_mail(of_host):
    """The hosted platform's own settings say so, and a project may."""
    changes = {} if of_host else {"DJANGO_AUTOMATE": {"EMAIL": {"backend": "none"}}}
    with override_settings(**changes), pytest.raises(ConnectorError) as raised:
        EmailAdapter().execute("send", LETTER, {})

    assert "mail server of your own" in str(raised.value)
    assert not getattr(mail, "outbox", [])


class TestEmailContract(ConnectorContractTest):
    timeout_seconds: ClassVar = 2.0  # on a busy machine the letter has to be out before
    adapter_cls = EmailAdapter
    configs: ClassVar = [{"host": "mail.example.com"}]
    bad_configs: ClassVar = [{}, {"host": "x", "security": "none", "username": "a"}, {"host": "x", "port": 0}]

    @pytest.fixture(autouse=True)
    def _servers(self):
        with mail_server({}) as good, mail_server({"MAIL": "550 no"}) as bad, mail_server({".": "silence"}) as slow:
            ports = [f"127.0.0.1:{port}" for port in (good, bad, slow)]
            self.policy = EgressPolicy(private_targets=tuple(ports))
            letters = [
                {**LETTER, "smtp": {"host": "127.0.0.1", "port": port, "security": "none"}}
                for port in (good, bad, slow)
            ]
            self.calls, self.slow_calls = {"send": letters[0]}, {"send": letters[2]}
            self.failing_calls = {"send": {**letters[1], "text": f"Your key: {CANARY}"}}
            yield

    def make_context(self, **changes: Any) -> dict[str, Any]:
        return super().make_context(**{"egress": self.policy} | changes)


def test_a_connection_is_tested_without_a_letter(sink):
    where = {"host": "127.0.0.1", "port": sink.port, "security": "none"}
    context = {"egress": EgressPolicy(private_targets=(f"127.0.0.1:{sink.port}",)), "secrets": {}}

    assert EmailAdapter(FixedClock()).test(where, context) == "127.0.0.1 answers."
    assert sink.letters == []
    with pytest.raises(ConnectorError, match="in clear"):
        EmailAdapter(FixedClock()).test({**where, "username": "ann"}, context)
