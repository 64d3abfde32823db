"""How long things are kept: `DJANGO_AUTOMATE["RETENTION"]`, or what the host says for its tenant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

MIN_DAYS, MAX_DAYS = 1, 3650
MAX_BATCH = 10_000


@dataclass(frozen=True)
class Retention:
    """`days` counts from a run's end and from an event's arrival. Raises ImproperlyConfigured for other values."""

    days: int = 30
    batch_size: int = 1_000  # rows deleted in one transaction

    def __post_init__(self) -> None:
        if not MIN_DAYS <= self.days <= MAX_DAYS:
            raise ImproperlyConfigured(f"RETENTION days must be from {MIN_DAYS} to {MAX_DAYS}.")
        if not 1 <= self.batch_size <= MAX_BATCH:
            raise ImproperlyConfigured(f"RETENTION batch_size must be from 1 to {MAX_BATCH}.")

    def cutoff(self, now: datetime) -> datetime:
        """What ended before this moment may go."""
        return now - timedelta(days=self.days)

    def for_days(self, days: int | None) -> Retention:
        """The same with a plan's own number of days; None keeps it."""
        return self if days is None else replace(self, days=days)


def configured() -> Retention:
    """The installation's setting. Raises ImproperlyConfigured for unknown keys and values out of bounds."""
    options = getattr(settings, "DJANGO_AUTOMATE", {}).get("RETENTION", {})
    try:
        return Retention(**options)
    except TypeError as error:
        raise ImproperlyConfigured(f'DJANGO_AUTOMATE["RETENTION"]: {error}') from error
