"""How passwords are kept: Argon2id with OWASP's parameters."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet): 40 ms here, where Django's scrypt takes 300.

    Sign-up computes two, so that its time does not tell whether the e-mail is known.
    """

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1
