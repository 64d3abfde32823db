"""Secrets whose shape tells what they are. Every expression is linear: runs are anchored at their start or bounded.

Shapes: the providers' own documentation of their key formats; cards: ISO/IEC 7812 (Luhn); IBAN: ISO 13616 (mod 97).
"""

from __future__ import annotations

import base64
import binascii
import re

MASK = "********"

_KEY_SHAPES = "|".join(
    (
        r"(?:sk|rk|am|pk)_(?:live|test)_[A-Za-z0-9]{10,}",  # Stripe, this product
        r"whsec_[A-Za-z0-9+/=]{10,}",
        r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
        r"gl(?:pat|dt|rt|cbt|ptt|soat)-[A-Za-z0-9_-]{16,}",
        r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
        r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}",
        r"AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}",
        r"sk-[A-Za-z0-9_-]{20,}",  # OpenAI, Anthropic and others
        r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        r"(?:npm|hf|lin_api|gsk|shpat|shpss|shpca|dop_v1|doo_v1|dor_v1|glsa|pscale_tkn|rubygems|figd|ntn|phc|phx)_[A-Za-z0-9_]{16,}",
        r"pypi-[A-Za-z0-9_-]{16,}|dapi[a-f0-9]{32}|sq0(?:atp|csp)-[A-Za-z0-9_-]{20,}|key-[a-f0-9]{32}",
        r"hv[sbr]\.[A-Za-z0-9_-]{20,}|AGE-SECRET-KEY-1[A-Z0-9]{20,}|(?:SK|AC)[a-f0-9]{32}(?![A-Za-z0-9])",
        r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram
        r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",  # JWT
    )
)
KEY_SHAPE = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_KEY_SHAPES})")
HOOK_URL = re.compile(
    r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[A-Za-z0-9/_-]+"
    r"|(?<=/api/webhooks/)[0-9]{5,25}/[A-Za-z0-9_-]+"
)
PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
AUTH_SCHEME = re.compile(r"(?i)\b(bearer|basic|digest|negotiate)([ \t]{1,8})([A-Za-z0-9._~+/=-]{6,})")
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}(?![A-Za-z0-9])")
DIGIT_RUN = re.compile(r"[0-9](?:[ -]?[0-9]){11,}")  # maximal: consumed whole, so nothing is scanned twice
_GROUP = re.compile(r"[0-9]+")
CARD_DIGITS = range(12, 20)


def mask_patterns(text: str) -> str:
    """`text` with every secret-shaped part masked."""
    if len(text) < 12:
        return text
    if "-----BEGIN" in text:
        text = PRIVATE_KEY.sub(MASK, text)
    text = KEY_SHAPE.sub(MASK, text)
    text = AUTH_SCHEME.sub(_mask_scheme, text)
    if "/" in text:
        text = HOOK_URL.sub(MASK, text)
    text = DIGIT_RUN.sub(_mask_cards, text)
    return IBAN.sub(_mask_iban, text)


def is_card_number(digits: str) -> bool:
    """Whether `digits` has an issuer's prefix, that issuer's length and the Luhn check digit.

    >>> is_card_number("4111111111111111"), is_card_number("4111111111111112"), is_card_number("1700000000000")
    (True, False, False)
    """
    return _has_issuer(digits) and _luhn(digits)


def _has_issuer(digits: str) -> bool:
    length, two, four = len(digits), int(digits[:2]), int(digits[:4])
    if digits[0] == "4":
        return length in (13, 16, 19)  # Visa
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return length == 16  # Mastercard
    if two in (34, 37):
        return length == 15  # American Express
    if two in (36, 38, 39) or 3000 <= four <= 3059:
        return 14 <= length <= 19  # Diners Club
    if 3528 <= four <= 3589 or two in (60, 62, 64, 65, 81) or four // 10 == 220:
        return 16 <= length <= 19  # JCB, Discover, UnionPay, Mir, RuPay
    return 50 <= two <= 69 and 16 <= length <= 19  # Maestro


_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def _luhn(digits: str) -> bool:
    numbers = [int(digit) for digit in digits]
    return (sum(numbers[-1::-2]) + sum(_DOUBLED[n] for n in numbers[-2::-2])) % 10 == 0


def _mask_cards(match: re.Match[str]) -> str:
    """Within a run of digit groups, mask each stretch of whole groups that is a card number."""
    run = match.group()
    groups = [(found.start(), found.end()) for found in _GROUP.finditer(run)]
    parts: list[str] = []
    done = first = 0
    while first < len(groups):
        last = _card_end(run, groups, first)
        if last is None:
            first += 1
            continue
        parts += [run[done : groups[first][0]], MASK]
        done = groups[last][1]
        first = last + 1
    return "".join(parts) + run[done:] if parts else run


def _card_end(run: str, groups: list[tuple[int, int]], first: int) -> int | None:
    digits = ""
    for index in range(first, min(first + CARD_DIGITS.stop, len(groups))):
        start, end = groups[index]
        if len(digits) + end - start >= CARD_DIGITS.stop:
            return None
        digits += run[start:end]
        if len(digits) in CARD_DIGITS and is_card_number(digits):
            return index
    return None


def _mask_iban(match: re.Match[str]) -> str:
    """The longest beginning of the match that is an IBAN, masked: a following word may have been caught with it."""
    text = match.group()
    for cut in (len(text), *(index for index in range(len(text) - 1, 14, -1) if text[index] in " -")):
        if _is_iban(text[:cut]):
            return MASK + text[cut:]
    return text


def _is_iban(text: str) -> bool:
    compact = text.replace(" ", "").replace("-", "")
    if not 15 <= len(compact) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def _mask_scheme(match: re.Match[str]) -> str:
    scheme, space, value = match.groups()
    if scheme.lower() == "bearer" or _is_basic_credentials(value) or len(value) >= 24:
        return scheme + space + MASK
    return match.group()  # "basic information"


def _is_basic_credentials(value: str) -> bool:
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
