"""Budgets: money is set aside before a call and settled after it, so that spend never passes a cap.

caps       which caps hold: installation, plan, tenant, workflow; the strictest wins
periods    the tenant's day, and when it ends
counters   the guarded updates that keep every cap
ledger     reserve, settle, release, doubt: a ledger row and its counters, changed together
alerts     50, 80 and 100 %, once each
reconcile  what became of calls whose answer was lost
"""
