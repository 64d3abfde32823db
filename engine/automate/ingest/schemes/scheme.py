"""What every signature scheme can do, and the comparison they share."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Protocol

from automate.ingest.refusal import InvalidSignature, MissingSignature

MAX_SIGNATURES = 10  # of one request; more are not looked at
MISMATCH = "No signature matches. Check that both sides have the same secret, and that nothing changed the body."


class Scheme(Protocol):
    """One way to sign."""

    @property
    def delivery_headers(self) -> tuple[str, ...]:
        """Lower-case names of the headers that name a delivery; the first that is there counts."""

    def verify(self, *, secrets: Iterable[str], headers: Mapping[str, str], raw: bytes, now_seconds: float) -> None:
        """Return if any of `secrets` signed the request; else raise a Refusal (401) that says which check failed."""

    def sign(self, *, secret: str, raw: bytes, delivery: str, now_seconds: float) -> dict[str, str]:
        """The headers with which a sender who knows `secret` sends `raw` as the delivery `delivery`."""


def demand_match(ours: Iterable[bytes], theirs: Iterable[bytes]) -> None:
    """Raise InvalidSignature unless one of ours is one of theirs, compared in constant time."""
    claimed = list(theirs)
    if not any(hmac.compare_digest(one, other) for one in ours for other in claimed):
        raise InvalidSignature(MISMATCH)


def missing(names: list[str], fix: str) -> MissingSignature:
    """For headers that did not come."""
    return MissingSignature(
        f"The request lacks {', '.join(names)}. {fix}".rstrip(), details={"missing": [name.lower() for name in names]}
    )
