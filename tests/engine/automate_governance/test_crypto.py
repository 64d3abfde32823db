"""Sealed bytes open only with their key, their associated data and untouched."""

from __future__ import annotations

import pytest

from automate_governance.crypto import OVERHEAD_BYTES, Unsealable, open_sealed, seal

KEY, OTHER_KEY = b"k" * 32, b"o" * 32


@pytest.mark.parametrize("plaintext", [b"", b"x", "käse\0".encode(), b"a" * 100_000])
def test_what_was_sealed_comes_back(plaintext):
    sealed = seal(KEY, plaintext, aad=b"tenant/row")

    assert open_sealed(KEY, sealed, aad=b"tenant/row") == plaintext
    assert open_sealed(KEY, memoryview(sealed), aad=b"tenant/row") == plaintext
    assert len(sealed) == len(plaintext) + OVERHEAD_BYTES


def test_another_key_or_another_row_opens_nothing():
    sealed = seal(KEY, b"secret", aad=b"tenant a")

    with pytest.raises(Unsealable):
        open_sealed(OTHER_KEY, sealed, aad=b"tenant a")
    with pytest.raises(Unsealable):
        open_sealed(KEY, sealed, aad=b"tenant b")


def test_every_changed_bit_is_noticed():
    sealed = seal(KEY, b"secret", aad=b"row")

    for position in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(Unsealable):
            open_sealed(KEY, bytes(changed), aad=b"row")


@pytest.mark.parametrize("cut", range(OVERHEAD_BYTES + 6))
def test_a_cut_text_is_noticed(cut):
    with pytest.raises(Unsealable):
        open_sealed(KEY, seal(KEY, b"secret", aad=b"row")[:cut], aad=b"row")


def test_sealing_twice_never_gives_the_same_bytes():
    assert len({seal(KEY, b"same", aad=b"row") for _ in range(1000)}) == 1000


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_size_is_refused(size):
    with pytest.raises(ValueError, match="32 bytes"):
        seal(b"k" * size, b"x", aad=b"")
