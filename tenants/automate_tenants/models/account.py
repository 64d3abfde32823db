"""The account log: what happened to a person's log-in. Public, because it is no workspace's."""

from __future__ import annotations

from django.conf import settings
from django.db import models


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
