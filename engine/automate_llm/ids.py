"""Identifiers of ledger entries: UUIDv7, so that the newest come last."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()
