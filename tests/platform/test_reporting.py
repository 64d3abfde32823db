"""Error reports as the real SDK sends them: to a server on this machine, with the secrets gone."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Iterator

import brotli
import pytest
import sentry_sdk

from automate_governance import tracing
from automate_governance.redaction.current import masking
from automate_platform import reporting
from tests.support.sink import Sink

SECRET = "canary-report-5512"


UNPACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "br": brotli.decompress, "": bytes}


@pytest.fixture
def receiver() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    sink.close()


def sent(sink: Sink) -> str:
    sentry_sdk.flush(timeout=60)
    texts = []
    for request in sink.received:
        unpack = UNPACK[request.headers.get("content-encoding", "")]
        texts.append(unpack(request.body).decode())
    return "\n".join(texts)


def test_a_report_holds_no_secret_and_says_its_trace(receiver: Sink) -> None:
    reporting.start(f"http://public@{receiver.target}/1")

    def fail(password: str) -> None:
        raise RuntimeError(f"could not log in with {password} and Bearer abcdefghijklmnop")

    with tracing.of("4bf92f3577b34da6a3ce929d0e0e4736"), masking([SECRET]):
        logging.getLogger("somebody").info("crumb with %s", SECRET)
        try:
            fail(SECRET)
        except RuntimeError as error:
            sentry_sdk.capture_exception(error)

    text = sent(receiver)
    assert "could not log in with ********" in text
    assert SECRET not in text
    assert "abcdefghijklmnop" not in text
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in text


def test_without_an_address_nothing_is_sent(receiver: Sink) -> None:
    reporting.start("")
    sentry_sdk.capture_message("hello")

    assert sent(receiver) == ""
