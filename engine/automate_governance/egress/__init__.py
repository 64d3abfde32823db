"""Egress: the one way out. Every outbound HTTP call of every part goes through `request` or an `Egress`.

target     a URL that can be read in one way only, or refused
policy     what an installation and a tenant allow: host allowlist, exact private targets
addresses  which addresses are never connected to
gate       resolve once, refuse if any address is not allowed, connect to an address that was checked
client     pools, deadlines, no redirects, no proxies, no cookies, capped replies
streamed   a reply whose body is read while it comes
bridge     the same for code without an event loop
tcp        the same checks for what is not HTTP: an address that a database or mail client may connect to
bound_secrets  values that go to their own hosts only
"""

from automate_governance.egress.bound_secrets import bound_secrets
from automate_governance.egress.bridge import request_sync
from automate_governance.egress.client import Egress, EgressClient, Pace, close, request
from automate_governance.egress.errors import (
    BadReply,
    ConnectFailed,
    ConnectionLost,
    EgressDenied,
    EgressError,
    EgressPaced,
    EgressTimeout,
    InvalidTarget,
    NameNotResolved,
    ReplyTooLarge,
    TlsFailed,
)
from automate_governance.egress.policy import EgressPolicy, covers, default_policy
from automate_governance.egress.reply import Reply
from automate_governance.egress.streamed import StreamedReply
from automate_governance.egress.target import Target, parse_target
from automate_governance.egress.tcp import checked_addresses

__all__ = [
    "BadReply",
    "ConnectFailed",
    "ConnectionLost",
    "Egress",
    "EgressClient",
    "EgressDenied",
    "EgressError",
    "EgressPaced",
    "EgressPolicy",
    "EgressTimeout",
    "InvalidTarget",
    "NameNotResolved",
    "Pace",
    "Reply",
    "ReplyTooLarge",
    "StreamedReply",
    "Target",
    "TlsFailed",
    "bound_secrets",
    "checked_addresses",
    "close",
    "covers",
    "default_policy",
    "parse_target",
    "request",
    "request_sync",
]
