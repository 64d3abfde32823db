"""What connectors that speak HTTP share. No connector: it has no ADAPTER.

call       one request, and whether it may be sent twice
connector  an action as a plan: a generator that yields calls and is handed replies; with a thread or without one
failures   what a lost call or a refusal means for the step
reply      bodies, headers and `Retry-After`, read
"""

from automate_connectors.web.call import Call
from automate_connectors.web.connector import Plan, WebConnector, egress_of
from automate_connectors.web.failures import lost, refused
from automate_connectors.web.reply import excerpt, joined_headers, parse_body, retry_after_seconds

__all__ = [
    "Call",
    "Plan",
    "WebConnector",
    "egress_of",
    "excerpt",
    "joined_headers",
    "lost",
    "parse_body",
    "refused",
    "retry_after_seconds",
]
