"""What belongs to a person and no workspace, so public: how their pages look, and what happened to their log-in."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Preference(models.Model):
    """How a person wants pages drawn, in every browser; without a row, as each browser says."""

    class Theme(models.TextChoices):
        SYSTEM = "system", "System"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    class Times(models.TextChoices):
        UTC = "utc", "UTC"
        LOCAL = "local", "Local"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    theme = models.CharField(max_length=6, choices=Theme.choices, blank=True)  # empty: not chosen yet
    times = models.CharField(max_length=5, choices=Times.choices, default=Times.UTC)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.theme or 'no theme'}, {self.times}"


class AccountEvent(models.Model):
    """One change of an account, as its Account page lists it; a year, then housekeeping deletes it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    action = models.CharField(max_length=40)  # of `automate_web.accounts.account_log.WORDS`
    at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=120, blank=True)  # as it calls itself
    details = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-id"], name="account_event_idx")]

    def __str__(self) -> str:
        return f"{self.action} of {self.user_id}"
