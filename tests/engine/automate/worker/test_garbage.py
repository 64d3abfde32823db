"""A worker's collector leaves alone what was there at its start, and still finds what comes later."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from automate.worker import garbage


class Ring:
    """Refers to itself: only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.usefixtures("as_before")
def test_what_is_loaded_is_left_alone_and_what_comes_later_is_not():
    loaded = Ring()
    older = gc.get_threshold()[1:]
    garbage.settle()
    assert gc.get_freeze_count() > 0
    assert not any(found is loaded for found in gc.get_objects())
    assert gc.get_threshold() == (garbage.YOUNG_OBJECTS, *older)

    later = weakref.ref(Ring())
    gc.collect()
    assert later() is None
