"""Names and values inside free text: query strings, forms, headers, JSON, XML, credentials in URLs, `password: x`."""

from __future__ import annotations

import re

from automate_governance.redaction.names import is_sensitive_name
from automate_governance.redaction.patterns import MASK

# A name is tried only at its first character (the look-behind), so a megabyte of name characters is read once.
_ASSIGNMENT = re.compile(
    r"(?<![\w.\-$%\[\]+])([\w.\-$%\[\]+]{1,120})"  # 120: names.MAX_NAME
    r"\\{0,8}[\"']?[ \t]{0,4}(?:=>|:=|[=:])[ \t]{0,4}"
)
_SCHEME = r"(?:(?i:bearer|basic|digest|token|apikey|negotiate)[ \t]{1,4})?"
_VALUE = re.compile(
    rf"({_SCHEME}(?:\\{{0,8}}[\"'])?{_SCHEME})"  # kept
    r"((?<=\")(?:[^\"\\]|\\+[^\"\\])+|(?<=')(?:[^'\\]|\\+[^'\\])+|[^\s&;,\"'<>{}\[\]()\\]+)"  # masked
)
_WHOLE_LINE = re.compile(
    r"(?im)^([ \t]{0,8}(?:(?:proxy-)?authorization|(?:set-)?cookie2?)[ \t]{0,8}:[ \t]{0,8})(?=\S).*$"
)
_ELEMENT = re.compile(r"<(?:[\w.-]{1,60}:)?([\w.-]{1,120})(?:\s[^<>]{0,500})?>([^<>]{1,10000})(?=</)")
_USERINFO = re.compile(r"(?<=://)[^\s/?#\"'<>\\@]*@(?:[^\s/?#\"'<>\\@]*@)*")


def mask_named(text: str) -> str:
    """`text` with the values of sensitive names masked, and the user part of URLs."""
    if "</" in text:
        text = _ELEMENT.sub(_mask_element, text)
    if ":" in text:
        if "@" in text:
            text = _USERINFO.sub(f"{MASK}@", text)
        if "ook" in text or "uthori" in text or "OOK" in text or "UTHORI" in text:
            text = _WHOLE_LINE.sub(rf"\1{MASK}", text)
    elif "=" not in text:
        return text
    return _mask_assignments(text)


def _mask_element(match: re.Match[str]) -> str:
    if not is_sensitive_name(match.group(1)):
        return match.group()
    return match.group()[: match.start(2) - match.start()] + MASK


def _mask_assignments(text: str) -> str:
    """A harmless name's value is searched in its turn: `msg="login with password=x"`."""
    parts: list[str] = []
    done = 0
    for found in _ASSIGNMENT.finditer(text):
        if found.start() < done or not is_sensitive_name(found.group(1)):
            continue
        value = _VALUE.match(text, found.end())
        if value is None:
            continue
        parts += [text[done : value.start(2)], MASK]
        done = value.end()
    return "".join(parts) + text[done:] if parts else text
