"""Filters of lists that people kept under a name."""

from __future__ import annotations

from django.db import models


class SavedView(models.Model):
    """One filter of one list. Its owner sees it, and with `is_shared` everybody who may see the list.

    `query` is the list's query string without its page. The owner's default is what the list opens with.
    """

    page = models.CharField(max_length=40)  # the list, as the portal names it: "runs"
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)  # "status=failed&since=24h"
    owner = models.CharField(max_length=200)  # an actor, such as user:12
    is_shared = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)  # at most one of an owner and page
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "page", "name"], name="saved_view_once")]

    def __str__(self) -> str:
        return f"{self.page}: {self.name}"
