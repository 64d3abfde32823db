"""APIs that a workspace imported from an OpenAPI document, as steps to start from."""

from __future__ import annotations

from django.db import models


class ImportedApi(models.Model):
    """One document, read once: it is not kept, its operations are. Workflows copy a step and do not depend on it.

    `operations`: a list of `automate_connectors.http.openapi.Operation` as JSON.
    """

    slug = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    title = models.CharField(max_length=200, blank=True)  # as the document calls itself
    version = models.CharField(max_length=60, blank=True)
    server = models.CharField(max_length=500)
    operations = models.JSONField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)  # an actor, such as user:12

    def __str__(self) -> str:
        return self.slug
