"""Headers that may be sent: what would steer the connection, or split the request, is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from multidict import CIMultiDict

from automate_governance.egress.errors import InvalidTarget
from automate_governance.egress.reply import ACCEPT_ENCODING, MAX_HEAD_BYTES

USER_AGENT = "django-automate/0.1"
VIA = "1.1 django-automate"  # on calls to private targets: a server on this machine can tell them from people
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}")  # RFC 9110, token
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\ud7ff\ue000-\U0010ffff]*")
# The client sets these itself. `Host` would let a request reach another site than the one that was allowed.
_OURS = frozenset(
    (
        *(
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "upgrade",
            "te",
            "trailer",
            "expect",
            "via",
        ),
        *("accept-encoding", "proxy-authorization", "proxy-connection", "proxy-authenticate", "http2-settings"),
    )
)


def outgoing(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """`headers` with our own added. Raises InvalidTarget."""
    checked: CIMultiDict[str] = CIMultiDict({"User-Agent": USER_AGENT, "Accept": "*/*"})
    for name, value in headers.items():
        _check_name(name)
        if not _VALUE.fullmatch(value):
            raise InvalidTarget(f"The value of header {name} holds a line break or another control character.")
        checked[name] = value.strip(" \t")
    checked["Accept-Encoding"] = ACCEPT_ENCODING
    if sum(len(name) + len(value) + 4 for name, value in checked.items()) > MAX_HEAD_BYTES:
        raise InvalidTarget(f"The headers are larger than {MAX_HEAD_BYTES} bytes.")
    return checked


@lru_cache(maxsize=1024)  # the same few names again and again
def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidTarget("A header's name holds characters that a name may not hold.")
    if name.lower() in _OURS:
        raise InvalidTarget(f"The header {name} is set by the client and cannot be given.")
