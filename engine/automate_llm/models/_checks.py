"""Check constraints on both sides of Django 5.1, which renamed `check` to `condition`."""

from __future__ import annotations

from typing import Any

import django
from django.db import models


def check(condition: models.Q, *, name: str) -> models.CheckConstraint:
    argument = "condition" if django.VERSION >= (5, 1) else "check"
    arguments: dict[str, Any] = {argument: condition, "name": name}
    return models.CheckConstraint(**arguments)
