"""The project's own signal."""

from django.dispatch import Signal

order_paid = Signal()
