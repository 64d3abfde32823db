"""Retention: what has ended long enough ago is deleted, a small batch at a time."""

from automate.retention.policy import Retention, configured
from automate.retention.purge import Purged, purge

__all__ = ["Purged", "Retention", "configured", "purge"]
