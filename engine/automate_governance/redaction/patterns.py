"""Secrets whose shape tells what they are. Every expression is linear: runs are anchored at their start or bounded.

Shapes: the providers' own documentation of their key formats; cards: ISO/IEC 7812 (Luhn); IBAN: ISO 13616 (mod 97).
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from itertools import accumulate

MASK = "********"  # seeds, "Masking in Admin"

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
# The look-behinds stand after the first characters: a search that begins with plain characters is many times faster.
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?<![A-Za-z0-9][A-Z]{2}[0-9]{2})(?:[ -]?[A-Z0-9]){11,30}(?![A-Za-z0-9])")
_SEPARATOR = r"[ \-\u00a0\u2007\u2009\u202f\u2010-\u2014]"
DIGIT_RUN = re.compile(
    rf"[0-9](?<![0-9][0-9])(?:{_SEPARATOR}?[0-9]){{11,}}"
)  # consumed whole, so nothing is scanned twice
_GROUP = re.compile(r"[0-9]+")
SHORTEST_KEY = 15  # characters of the shortest KEY_SHAPE: a text without so long a word needs no search
_DIGIT = re.compile(r"[0-9]")


def mask_patterns(text: str) -> str:
    """`text` with every secret-shaped part masked."""
    if len(text) < 12:
        return text
    if "-----BEGIN" in text:
        text = PRIVATE_KEY.sub(MASK, text)
    if len(max(text.split(), key=len, default="")) >= SHORTEST_KEY:
        text = KEY_SHAPE.sub(MASK, text)
        if "hooks" in text:
            text = HOOK_URL.sub(MASK, text)
    lower = text.lower()
    if "bearer" in lower or "basic " in lower or "digest" in lower or "negotiate" in lower:
        text = AUTH_SCHEME.sub(_mask_scheme, text)
    if _DIGIT.search(text) is None:
        return text
    return IBAN.sub(_mask_iban, DIGIT_RUN.sub(_mask_cards, text))


def is_card_number(digits: str) -> bool:
    """Whether `digits` has an issuer's prefix, that issuer's length and the Luhn check digit.

    >>> is_card_number("4111111111111111"), is_card_number("4111111111111112"), is_card_number("1700000000000")
    (True, False, False)
    """
    return len(digits) in _card_lengths(digits[:4]) and _luhn(digits)


@lru_cache(maxsize=10_000)
def _card_lengths(first_four: str) -> tuple[int, ...]:
    """How many digits a card has whose number begins like this; none when no issuer's does."""
    two, four = int(first_four[:2]), int(first_four)
    if first_four[0] == "4":
        return 13, 16, 19  # Visa
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return (16,)  # Mastercard
    if two in (34, 37):
        return (15,)  # American Express
    if two in (36, 38, 39) or 3000 <= four <= 3059:
        return 14, 16, 19  # Diners Club
    if 3528 <= four <= 3589 or two == 81 or 2200 <= four <= 2204 or two == 50 or 56 <= two <= 69:
        return 16, 17, 18, 19  # JCB, RuPay, Mir, Discover, UnionPay, Maestro
    return ()


_DOUBLED = str.maketrans("0123456789", "0246813579")  # twice the digit, its own digits added


def _luhn(digits: str) -> bool:
    return (sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))) % 10 == 0


class _LuhnSums:
    """Luhn of any stretch of a long run in constant time: sums up to each place, by which places are doubled."""

    def __init__(self, digits: str):
        plain, doubled = list(map(int, digits)), list(map(int, digits.translate(_DOUBLED)))
        self._sums = [[0], [0]]  # [0]: digits at even places stay as they are; [1]: those at odd places
        for stays, sums in enumerate(self._sums):
            mixed = list(doubled)
            mixed[stays::2] = plain[stays::2]
            sums.extend(accumulate(mixed))

    def holds(self, start: int, end: int) -> bool:
        sums = self._sums[(end - 1) % 2]  # the last digit stays as it is
        return (sums[end] - sums[start]) % 10 == 0


def _mask_cards(match: re.Match[str]) -> str:
    """Within a run of digit groups, mask each stretch of whole groups that is a card number."""
    run = match.group()
    digits = "".join(_GROUP.findall(run))
    groups = [found.span() for found in _GROUP.finditer(run)]
    starts, ends, seen = [], {}, 0
    for index, (start, end) in enumerate(groups):
        starts.append(seen)
        seen += end - start
        ends[seen] = index
    luhn = _LuhnSums(digits)
    parts: list[str] = []
    done = first = 0
    while first < len(groups):
        last = _card_end(digits, starts[first], ends, luhn)
        if last is None:
            first += 1
            continue
        parts += [run[done : groups[first][0]], MASK]
        done = groups[last][1]
        first = last + 1
    return "".join(parts) + run[done:] if parts else run


def _card_end(digits: str, start: int, ends: dict[int, int], luhn: _LuhnSums) -> int | None:
    """The group at whose end a card number ends that begins at `start`; a length counts only at a group's end."""
    if digits[start] not in "234568" or start + 13 > len(digits):
        return None
    for length in _card_lengths(digits[start : start + 4]):
        if start + length in ends and luhn.holds(start, start + length):
            return ends[start + length]
    return None


# Characters of an IBAN by country. Source: the IBAN registry of ISO 13616.
_IBAN_LENGTHS = {
    country: int(entry[:2])
    for entry in (
        *("15NO", "16BE", "18DKFIFKFOGLNLSD", "19MKSI", "20ATBAEEKZLTLUMNXK", "21CHHRLILV", "22BGBHCRDEGBGEIEMERSVA"),
        *("23AEGIILIQOMSOTL", "24ADCZESMDPKROSASESKTNVG", "25LYPTST", "26ISTR", "27BIDJFRGRITMCMRSM"),
        *("28ALAZBYCYDOGTHNHULBNIPLSV", "29BREGPSQAUA", "30JOKWMUYE", "31MTSC", "32LC", "33RU"),
    )
    for country in re.findall("[A-Z]{2}", entry)
}


def _mask_iban(match: re.Match[str]) -> str:
    """The match with its beginning masked if that is an IBAN: the words that follow may have been caught with it."""
    text = match.group()
    length = _IBAN_LENGTHS.get(text[:2], 99)
    compact, end = "", 0
    while end < len(text) and len(compact) < length:
        compact += text[end] if text[end] not in " -" else ""
        end += 1
    if len(compact) == length and text[end : end + 1] in ("", " ", "-") and _is_iban(compact):
        return MASK + text[end:]
    return text


def _is_iban(compact: str) -> bool:
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
