"""The part of billing that stands in every workspace's schema: triggers that count, and no table."""
