"""API keys as text: `am_live_` or `am_test_`, 32 random base62 characters (190 bits), 6 of checksum. Imports no Django.

The prefix lets secret scanners find a leaked key, the checksum tells a mistyped key from an unknown one without a
query. A test key is told from a live one by its text alone, which is part of what is hashed. Only the SHA-256 of a key
is stored: with this many random bits a salt or a slow hash would add nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib

LIVE_PREFIX, TEST_PREFIX = "am_live_", "am_test_"  # of one length
PREFIX_LENGTH = len(LIVE_PREFIX)
RANDOM_LENGTH, CHECKSUM_LENGTH = 32, 6
PREFIX_SHOWN = PREFIX_LENGTH + 4

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(rf"am_(?:live|test)_[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}")


def make_key(*, is_test: bool = False) -> str:
    """A fresh key.

    >>> is_well_formed(make_key()), len(make_key())
    (True, 46)
    """
    text = "".join(secrets.choice(_BASE62) for _ in range(RANDOM_LENGTH))
    return f"{TEST_PREFIX if is_test else LIVE_PREFIX}{text}{_checksum(text)}"


def is_well_formed(plain: str) -> bool:
    """Whether the text has a key's form and its checksum holds; says nothing about whether the key is known.

    >>> is_well_formed("am_live_" + "0" * 38), is_well_formed("am_live_"), is_well_formed("")
    (False, False, False)
    """
    if not _FORM.fullmatch(plain):
        return False
    text = plain[PREFIX_LENGTH:]
    return _checksum(text[:RANDOM_LENGTH]) == text[RANDOM_LENGTH:]


def is_test_key(text: str) -> bool:
    """Whether this is a test key, or the beginning of one; also one that nobody knows.

    >>> is_test_key("am_test_ab12"), is_test_key("am_live_ab12")
    (True, False)
    """
    return text.startswith(TEST_PREFIX)


def key_hash(plain: str) -> bytes:
    """What is stored and looked up: SHA-256, 32 bytes."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()


def _checksum(text: str) -> str:
    """CRC-32 in base62, six characters."""
    number = zlib.crc32(text.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits
