"""Sealed bytes: AES-256-GCM, bound to what they belong to by associated data.

A sealed text is `version (1 byte) | nonce (12) | ciphertext and tag (n + 16)`. The version byte is authenticated too.
The nonce is random: one key may seal 2**32 texts before a repeat becomes thinkable (NIST SP 800-38D, 8.3).
"""

from __future__ import annotations

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = b"\x01"
KEY_BYTES = 32
NONCE_BYTES = 12
OVERHEAD_BYTES = 1 + NONCE_BYTES + 16


class Unsealable(ValueError):
    """Wrong key, wrong associated data, or bytes that were changed; which of them cannot be told."""


def seal(key: bytes, plaintext: bytes, *, aad: bytes) -> bytes:
    """`plaintext` encrypted under `key` (32 bytes) and bound to `aad`, such as tenant, table and row.

    >>> open_sealed(b"k" * 32, seal(b"k" * 32, b"hello", aad=b"row 1"), aad=b"row 1")
    b'hello'
    """
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + _cipher(key).encrypt(nonce, plaintext, VERSION + aad)


def open_sealed(key: bytes, sealed: bytes, *, aad: bytes) -> bytes:
    """What `seal` was given. Raises Unsealable."""
    sealed = bytes(sealed)  # PostgreSQL drivers may hand out a memoryview
    if len(sealed) < OVERHEAD_BYTES or sealed[:1] != VERSION:
        raise Unsealable("Not a sealed text of a known version.")
    nonce, ciphertext = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return _cipher(key).decrypt(nonce, ciphertext, VERSION + aad)
    except InvalidTag:
        raise Unsealable("The key or the associated data is wrong, or the bytes were changed.") from None


@lru_cache(maxsize=512)  # the key schedule costs more than a short text's encryption
def _cipher(key: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise ValueError(f"A key is {KEY_BYTES} bytes, not {len(key)}.")
    return AESGCM(key)
