"""Which names say that their value is a secret: `apiKey`, `API_KEY`, `x-api-key`, `user[password]`, `AUTHORIZATION`."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote_plus

MAX_NAME = 120  # a longer key is data, not a name; patterns and values still apply to it

# Parts that decide wherever they stand, also without separators: "stripeapikey", "userpassword2", "x-amz-credential".
_FRAGMENTS = re.compile(
    "passw(?:or)?d|passwort|passphrase|passcode|secretid|secret(?!ar)|credential|csrf|xsrf|apikey|accesskey|privatekey|signingkey|masterkey"
    "|encryptionkey|licen[cs]ekey|sharedkey|accountkey|authkey|sshkey|deploykey|webhookkey|serverkey"
    "|accesstoken|refreshtoken|authtoken|idtoken|sessiontoken|securitytoken|bearertoken"
    "|authorization|authorisation|sessionid|sessionkey|setcookie"
    "|cardnumber|ccnumber|creditcardno|cardcvc|cardcvv|securitycode|socialsecurity|passportn|connectionstring"
    "|motdepasse|contrasena|mnemonicphrase|seedphrase"
)
# Words that decide only as a word of their own: "key" must not match "monkey", nor "pin" "shipping".
_WORDS = frozenset(
    (
        *("token", "tokens", "key", "keys", "pwd", "pwds", "pass", "passwd", "pw", "auth", "cookie", "cookies", "jwt"),
        *("pin", "otp", "totp", "mfa", "ssn", "cvv", "cvc", "iban", "pan", "sig", "signature", "hmac", "bearer"),
        *("creds", "cred", "oauth", "sid", "sessid", "phpsessid", "jsessionid", "dsn"),
    )
)
# "…key" names a place or a thing after these words, not a secret.
_HARMLESS_KEY_OF = frozenset(
    (
        *("idempotency", "idempotent", "dedupe", "dedup", "deduplication", "primary", "foreign", "public", "partition"),
        *("publishable", "sort", "order", "ordering", "cache", "routing", "issue", "project", "message", "object"),
        *("row", "column", "hash", "range", "group", "grouping", "sorting", "natural", "business", "lookup", "event"),
        *("translation", "i18n", "unique", "index", "config", "setting", "storage", "file", "bucket", "shard"),
        *("cursor", "step", "run", "workflow", "answer", "map"),
    )
)
_OTHER_KEYS = frozenset(
    ("monkey", "turkey", "hockey", "whiskey", "jockey", "donkey", "hotkey", "turnkey", "lackey", "mickey", "honkey")
)
# A name that ends so speaks about the secret: "token_type", "password_length", "secret_name".
_ABOUT = frozenset(
    (
        *("count", "counts", "limit", "type", "length", "expires", "expiry", "expiration", "at", "id", "name"),
        *("ttl", "days", "policy", "url", "uri", "method", "mode", "status"),
    )
)
_SPLIT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@lru_cache(maxsize=8192)
def is_sensitive_name(name: str) -> bool:
    """Whether the value of a field, header or parameter called `name` is to be masked.

    >>> [is_sensitive_name(n) for n in ("userPassword", "X-API-Key", "key", "APIKEY2", "user%5Bpassword%5D")]
    [True, True, True, True, True]
    >>> [is_sensitive_name(n) for n in ("monkey", "author", "idempotency_key", "secretary", "shipping", "token_type")]
    [False, False, False, False, False, False]
    """
    if len(name) > MAX_NAME:
        return False
    if "%" in name or "+" in name:
        name = unquote_plus(name)
    if not name.isascii():  # full-width letters, accents, invisible characters between the letters
        name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = [word.lower() for word in _SPLIT.findall(name)]
    joined = "".join(words)
    if found := list(_FRAGMENTS.finditer(joined)):
        return words[-1] not in _ABOUT or found[-1].end() == len(joined)
    return _is_sensitive_word(words)


def _is_sensitive_word(words: list[str]) -> bool:
    hits = [index for index, word in enumerate(words) if _decides(word)]
    if not hits or (len(words) > 1 and words[-1] in _ABOUT):
        return False
    last = hits[-1]
    return not (words[last] in ("key", "keys") and last > 0 and words[last - 1] in _HARMLESS_KEY_OF)


def _decides(word: str) -> bool:
    bare = word.rstrip("0123456789")
    if bare in _WORDS or bare.endswith(("token", "tokens", "pwd")):
        return True
    return bare.endswith("key") and bare not in _OTHER_KEYS  # written as one word: "stripekey"


@lru_cache(maxsize=2048)
def counts_something(name: str) -> bool:
    """Whether a number under this sensitive name is an amount: `total_tokens: 12` shows, `pin: 1234` does not."""
    return any(word.lower() in ("tokens", "keys", "cookies") for word in _SPLIT.findall(name))
