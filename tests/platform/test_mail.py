"""With a mail server named, letters leave through it, and the mailbox page of home is gone."""

from __future__ import annotations

import doctest
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from automate_platform import environment
from tests.support import product
from tests.support.smtp import SmtpSink, smtp_sink
from tests.support.waiting import Eventually

PASSWORD = "p@ss:word"


@pytest.fixture(scope="module")
def post_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmtpSink]:
    with smtp_sink(tmp_path_factory.mktemp("smtp")) as sink:
        yield sink


@pytest.fixture(scope="module")
def mailing_product(django_db_setup: None, post_office: SmtpSink) -> Iterator[product.Product]:
    running = product.start(
        "mail",
        DJANGO_AUTOMATE_SMTP_URL=f"smtp://ada:{urllib.parse.quote(PASSWORD)}@127.0.0.1:{post_office.port}?tls=1",
        DJANGO_AUTOMATE_FROM_EMAIL="automate@example.com",
        SSL_CERT_FILE=str(post_office.certificate),
    )
    yield running
    product.stop(running)


@pytest.mark.processes
def test_a_reset_letter_leaves_through_the_mail_server_that_is_named(
    mailing_product: product.Product, post_office: SmtpSink, eventually: Eventually
) -> None:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    page = f"{mailing_product.base_url}/password/reset/"
    with browser.open(page, timeout=60) as answer:
        form = answer.read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert token
    email = mailing_product.ready["email"]

    filled = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], "email": email})
    browser.open(page, filled.encode(), timeout=20).close()

    [letter] = eventually(lambda: post_office.letters)
    assert f"To: {email}" in letter and "From: automate@example.com" in letter
    assert "/password/reset/key/" in letter
    assert post_office.logins == [("ada", PASSWORD, True)]
    assert not list((mailing_product.home / "mail").glob("*.eml"))


@pytest.mark.processes
def test_there_is_no_mailbox_page_beside_a_mail_server(mailing_product: product.Product) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"{mailing_product.base_url}/mailbox/", timeout=60)

    with refusal.value:
        assert refusal.value.code == 404


@pytest.mark.parametrize(
    "url",
    ["mail.example", "http://mail.example", "smtp://", "smtp://h:x", "smtp://h:0", "smtp://h?tls=2", "smtp://h?tsl=1",
     "smtps://h?tls=0", "smtp://h/path"],
)  # fmt: skip
def test_a_mail_address_that_cannot_be_read_stops_the_start_without_telling_it(url: str) -> None:
    with pytest.raises(RuntimeError, match=r"^MAIL must be smtp://user:password@host:port") as error:
        environment.mail_server("MAIL", url.replace("//h", "//ada:secret@h"))

    assert "secret" not in str(error.value)


def test_the_examples_of_the_environment_hold() -> None:
    result = doctest.testmod(environment)

    assert (result.failed, result.attempted > 0) == (0, True)
