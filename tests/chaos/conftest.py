"""One product to be killed: its demo workspace posts each event's number to a sink."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.processes import disable_sample, posting, publish
from tests.support import product
from tests.support.sink import Sink


@pytest.fixture(scope="package")
def sink_and_platform(django_db_setup: None) -> Iterator[tuple[Sink, product.Product]]:
    """One product for all of these tests, whose workflow posts each event's number to the sink."""
    sink = Sink()
    copy = product.start(
        "kills",
        DJANGO_AUTOMATE_PRIVATE_TARGETS=sink.target,
        DJANGO_AUTOMATE_EXECUTION_LEASE_SECONDS="1",
        DJANGO_AUTOMATE_EXECUTION_BATCH_SIZE="20",
    )
    try:
        disable_sample(copy)
        trigger = {"type": "webhook", "endpoint": "default"}
        publish(copy, copy.ready["api_key"], posting("send", sink.target, {"n": "{{ payload.n }}"}, trigger=trigger))
        yield sink, copy
    finally:
        product.stop(copy)
        sink.close()
