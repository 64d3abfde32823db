"""The connector `stripe`: customers, payments and refunds. Every write carries Stripe's own Idempotency-Key.

spec       the forms
connector  the calls, and what Stripe's answers mean
form       nested values as Stripe reads them
"""

from automate_connectors.stripe.connector import StripeAdapter

ADAPTERS = (StripeAdapter,)

__all__ = ["ADAPTERS", "StripeAdapter"]
