"""The ceiling: the shape of the execution plane and nothing else, to see what every check of the product costs.

No tenants, keys, dedupe, policy, redaction, retries or leases: a bare ASGI gateway with group commit, and one worker
that claims a hundred, posts each to the sink and writes what happened.
"""
