"""The worker: a long-lived loop that claims, runs, renews and tends."""
