"""E-mail addresses inside text: masked where policy says so, for an address is not a secret by itself.

The domain is matched from its sign on; the part before it is walked back to, at most `LONGEST` characters, so that no
text takes more than linear time. Source: RFC 5321 (lengths), RFC 6531 (letters beyond ASCII).
"""

from __future__ import annotations

import re

from automate_governance.redaction.patterns import MASK

LONGEST = 320  # characters of the part before the sign that are looked at; RFC 5321 allows 64, encoded ones are longer
_SIGN_AND_DOMAIN = re.compile(
    r"(?:@|%40|%2540|&#64;|&#x40;|&commat;|\\{1,4}u0040)"
    r"(?:\[[0-9A-Fa-f:.]{3,45}\]|(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_][\w-]{1,62})"
)
_LOCAL = frozenset(".!#$%*+^~-'")  # beside letters, digits and `_`; `/ = ? & { } |` end the word before it instead


def mask_emails(text: str) -> str:
    """`text` with each e-mail address masked, also URL-, HTML- and JSON-escaped ones.

    >>> mask_emails("ask ann.lee+x@shop.example.com, or ?to=bob%40example.org&n=1")
    'ask ********, or ?to=********&n=1'
    """
    if "@" not in text and "40" not in text and "64;" not in text and "&commat;" not in text:
        return text
    parts: list[str] = []
    done = 0
    for found in _SIGN_AND_DOMAIN.finditer(text):
        start = _start_of(text, found.start(), max(done, found.start() - LONGEST))
        if start == found.start():
            continue
        parts += [text[done:start], MASK]
        done = found.end()
    return "".join(parts) + text[done:] if parts else text


def _start_of(text: str, end: int, earliest: int) -> int:
    """Where the part before the sign begins; `end` when there is none."""
    start = end
    while start > earliest and (text[start - 1].isalnum() or text[start - 1] == "_" or text[start - 1] in _LOCAL):
        start -= 1
    while start < end and text[start] in "'.":  # a quote or a dot that stands before the word
        start += 1
    return start
