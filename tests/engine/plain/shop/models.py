"""A project's own rows, as ordinary Django models."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    number = models.CharField(max_length=20)
    total = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    status = models.CharField(max_length=20, default="new")
    api_token = models.CharField(max_length=40, default="t0p-s3cret")  # never in an event
    ordered_on = models.DateField(null=True)

    class Meta:
        app_label = "shop"

    def __str__(self) -> str:
        return self.number


class Rush(Order):
    """The same rows by another name."""

    class Meta:
        app_label = "shop"
        proxy = True
