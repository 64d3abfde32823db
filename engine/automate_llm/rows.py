"""Rows that must be there before they are locked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, models


def insert_missing(model: type[models.Model], rows: Sequence[Any], *, same: str) -> None:
    """Insert those whose key is not taken; `same`: a field that a row with that key has alike already.

    Several transactions may do so at once, and lock the rows afterwards. INSERT IGNORE of MariaDB and MySQL takes a
    shared lock on a row that is there, and two who hold it and then want to write wait for each other (error 1213).
    ON DUPLICATE KEY UPDATE takes a writer's lock, one after the other.
    """
    if connection.vendor == "mysql":
        model._default_manager.bulk_create(rows, update_conflicts=True, update_fields=[same])
    else:
        model._default_manager.bulk_create(rows, ignore_conflicts=True)
