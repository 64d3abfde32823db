"""What billing keeps, all of it in the public schema, so that no job has to visit every workspace's."""

from automate_billing.models.subscription import Subscription
from automate_billing.models.usage import UsageAlert, UsageDay, UsageDelta, UsageThresholds

__all__ = ["Subscription", "UsageAlert", "UsageDay", "UsageDelta", "UsageThresholds"]
