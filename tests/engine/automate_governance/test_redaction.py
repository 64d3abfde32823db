"""Redaction: by name, by shape and by value; what is harmless stays readable; hostile text costs no time."""

from __future__ import annotations

import base64
import copy
import html
import json
import re
import sys
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automate_governance.redaction import (
    MASK,
    Redactor,
    emails,
    is_sensitive_name,
    patterns,
    redact,
    redact_text,
    structure,
    text,
)
from tests.engine.automate_governance.counted_regex import Counted, Counter

SENSITIVE = [
    *("password", "Password", "PASSWORD", "passwd", "pwd", "user_password", "userPassword", "USER-PASSWORD"),
    *("pass", "passphrase", "passWord", "new.password", "secret", "client_secret", "clientSecret"),
    *("CLIENT_SECRET", "secret_id", "token", "access_token", "accessToken", "refresh-token", "id_token"),
    *("X-Auth-Token", "csrfmiddlewaretoken", "key", "api_key", "apiKey", "apikey", "API_KEY", "X-API-Key"),
    *("x-api-key", "stripe_key", "private_key", "privateKey", "access_key", "secretAccessKey"),
    *("encryption_key", "keys", "authorization", "Authorization", "AUTHORIZATION", "Proxy-Authorization"),
    *("auth", "cookie", "Cookie", "Set-Cookie", "session_id", "sessionId", "JSESSIONID", "credentials", "jwt"),
    *("pin", "otp", "cvv", "cvc", "ssn", "card_number", "cardNumber", "iban", "signature"),
    *("X-Hub-Signature-256", "user[password]", "user%5Bpassword%5D", "pass%77ord", "ｐａｓｓｗｏｒｄ", "contraseña"),
    *("pass\u200bword", "connection_string", "slacktoken", "stripekey", "dbpwd", "token2", "api_keys"),
]
HARMLESS = [
    *(
        "hockey",
        "turkey",
        "monkey",
        "keyboard",
        "author",
        "authority",
        "shipping",
        "spin",
        "pinned",
        "compass",
        "passenger",
    ),
    *("passed", "bypass", "secretary", "tokenizer", "idempotency_key", "dedupe_key", "primary_key"),
    *("public_key", "order_key", "sort_key", "key_id", "token_type", "max_tokens_limit", "password_length"),
    *("credentials_url", "name", "email", "status", "url", "id", "event_type", "description"),
]


@pytest.mark.parametrize("name", SENSITIVE)
def test_a_sensitive_name_masks_its_value(name):
    assert is_sensitive_name(name)
    assert redact({"outer": [{name: "v4lue"}]}) == {"outer": [{name: MASK}]}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_name_keeps_its_value(name):
    assert redact({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"password": 1234, "pin": 7}, {"password": MASK, "pin": MASK}),
        ({"token": {"deep": ["x"]}, "keys": ["a", "b"]}, {"token": MASK, "keys": MASK}),
        ({"password": None, "has_password": True, "token": ""}, {"password": None, "has_password": True, "token": ""}),
        ({"total_tokens": 12, "tokens": 3}, {"total_tokens": 12, "tokens": 3}),
        ({"api_key": {"$secret": "STRIPE_KEY"}}, {"api_key": {"$secret": "STRIPE_KEY"}}),
        ({"api_key": {"$secret": "not a name"}}, {"api_key": MASK}),
        ({"name": "Authorization", "value": "abc"}, {"name": "Authorization", "value": MASK}),
        ({"key": "colour", "value": "red"}, {"key": "colour", "value": "red"}),
        ([["X-Api-Key", "abc"], ["Accept", "*/*"]], [["X-Api-Key", MASK], ["Accept", "*/*"]]),
        ({"card": 4111111111111111, "at_ms": 1763766511000}, {"card": MASK, "at_ms": 1763766511000}),
        ({"sk_live_abcdefgh12345678": 1}, {MASK: 1}),
        ({1: {"password": "x"}}, {1: {"password": MASK}}),
        (("a", b"password=x1"), ["a", f"password={MASK}"]),
        (ValueError("bad token: abc"), f"bad token: {MASK}"),
    ],
)
def test_structures(data, shown):
    before = copy.deepcopy(data) if not isinstance(data, Exception) else None

    assert redact(data) == shown
    assert before is None or data == before  # the original is not touched


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2", "password=********"),
        ("a=1&api_key=x7&b=2", "a=1&api_key=********&b=2"),
        ("https://h.example/p?token=t%20p&x=1#k", "https://h.example/p?token=********&x=1#k"),
        ("https://h.example/?user%5Bpassword%5D=x", "https://h.example/?user%5Bpassword%5D=********"),
        ("https://ann:p@ss@h.example/x", "https://********@h.example/x"),
        ("postgres://u:pw@db:5432/x", "postgres://********@db:5432/x"),
        ('{"password": "a b", "x": 1}', '{"password": "********", "x": 1}'),
        ('{"pass\\u0077ord": "hidden"}', '{"password": "********"}'),
        ('{"a": "{\\"token\\": \\"q\\"}"}', '{"a": "{\\"token\\": \\"********\\"}"}'),
        ('{"password": "first", "password": ""}', '{"password": "********", "password": ""}'),
        ('broken {"password": "a b", ', 'broken {"password": "********", '),
        ('{\\"password\\": \\"a b\\"} tail', '{\\"password\\": \\"********\\"} tail'),
        ("msg='login with password=x1 y'", "msg='login with password=******** y'"),
        ("Authorization: Basic dXNlcjpwYXNz\nHost: x", "Authorization: ********\nHost: x"),
        ("Cookie: a=b; c=d", "Cookie: ********"),
        ("got Bearer abcdefgh12", "got Bearer ********"),
        ("sent basic dXNlcjpwYXNzd29yZA==", "sent basic ********"),
        ("basic information given", "basic information given"),
        ("<a:Password x='1'>hunter2</a:Password><id>7</id>", "<a:Password x='1'>********</a:Password><id>7</id>"),
        ("pay 4111\u00a01111\u20111111\u00a01111 now", "pay ******** now"),
        ("pay 4111 1111 1111 1111 now", "pay ******** now"),
        ("order 12 4111-1111-1111-1111", "order 12 ********"),
        ("amex 378282246310005.", "amex ********."),
        ("not a card 4111111111111112", "not a card 4111111111111112"),
        ("2026-11-21 23:08:31 1763766511000", "2026-11-21 23:08:31 1763766511000"),
        ("01920c5e-7b5e-7c1a-9d1e-012345678901", "01920c5e-7b5e-7c1a-9d1e-012345678901"),
        ("IBAN DE89 3704 0044 0532 0130 00 thanks", "IBAN ******** thanks"),
        ("GB82WEST12345698765432", "********"),
        ("NO93 8601 1117 947 AND MORE WORDS", "******** AND MORE WORDS"),
        ("MT84MALT011000012345MTLCAST001S", "********"),
        ("ZZ89 3704 0044 0532 0130 00", "ZZ89 3704 0044 0532 0130 00"),
        ("DE00 3704 0044 0532 0130 00", "DE00 3704 0044 0532 0130 00"),
        ("see https://hooks.slack.com/services/T0/B0/abc", "see https://hooks.slack.com/********"),
        ("plain words: nothing to hide", "plain words: nothing to hide"),
        ("at 12:30:05 the ratio was 3:1", "at 12:30:05 the ratio was 3:1"),
        ("", ""),
    ],
)
def test_texts(text, shown):
    assert redact_text(text) == shown


@pytest.mark.parametrize(
    "secret",
    [
        "am_live_" + "aB3" * 12,
        "sk_live_" + "x" * 24,
        "rk_test_" + "x" * 24,
        "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "a1B2_" * 8,
        "glpat-" + "a1B2" * 5,
        "AKIA" + "IOSFODNN7EXAMPLE",
        "xoxb-" + "123456789012-abcdefABCDEF",
        "AIza" + "a1B2c" * 7,
        "sk-" + "proj-" + "a1B2" * 10,
        "SG." + "a1B2" * 5 + "." + "c3D4" * 10,
        "npm_" + "a1B2" * 9,
        "hvs." + "a1B2" * 8,
        "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",  # cut before its end
    ],
)
@pytest.mark.parametrize("around", ["{}", "see {} here", '"{}"', "({}),", "https://x.example/{}/y"])
def test_a_secret_is_known_by_its_shape(secret, around):
    shown = redact_text(around.format(secret))

    assert MASK in shown
    assert secret not in shown
    assert secret[12:] not in shown


VALUE = 'pä"ss/w+ör d&<5>\\x'


@pytest.mark.parametrize(
    "spelled",
    [
        VALUE,
        json.dumps(VALUE)[1:-1],
        json.dumps(VALUE, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps({"v": VALUE})),
        quote(VALUE),
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        quote(VALUE, safe="").replace("%C3", "%c3").replace("%A4", "%a4").replace("%2F", "%2f").lower(),
        html.escape(VALUE),
        VALUE.encode().hex(),
        VALUE.encode().hex().upper(),
        base64.b64encode(VALUE.encode()).decode(),
        base64.urlsafe_b64encode(VALUE.encode()).decode().rstrip("="),
        base64.b64encode(f"u:{VALUE}".encode()).decode(),
        base64.b64encode(f"user:{VALUE}".encode()).decode(),
        base64.b64encode(f"a:{VALUE}, and more".encode()).decode(),
        repr(VALUE),
        repr(VALUE.encode()),
    ],
)
def test_a_known_value_is_masked_in_every_spelling(spelled):
    shown = redact({"note": f"before {spelled} after", "list": [spelled]}, secret_values=[VALUE])

    assert MASK in shown["note"]
    assert MASK in shown["list"][0]
    rest = shown["note"].replace("before ", "").replace(" after", "").replace(MASK, "")
    assert len(rest) < len(spelled) / 2 + 4


def test_a_short_value_masks_only_a_text_equal_to_it():
    assert redact(["ab", "about"], ["ab"]) == [MASK, "about"]


def test_the_longer_of_two_values_is_masked_whole():
    assert redact_text("x secret-one-two y", ["secret-one", "secret-one-two"]) == f"x {MASK} y"


def test_a_numeric_value_is_masked_as_a_number_too():
    assert redact({"n": 9876543210}, ["9876543210"]) == {"n": MASK}


def test_what_is_too_deep_or_too_much_is_masked_not_shown():
    deep: object = {"note": "x"}
    for _ in range(3000):
        deep = [deep]
    loop: dict[str, object] = {"note": "x"}
    loop["again"] = loop

    assert MASK in json.dumps(redact(deep))
    assert MASK in json.dumps(redact(loop))
    wide = redact([[] for _ in range(600_000)])
    assert wide[-1] == MASK


keys = st.sampled_from(["password", "note", "apiKey", "url", "name", "value", "key", "card"]) | st.text(max_size=8)
texts = st.text(max_size=40) | st.sampled_from(
    ["token=a&b=c", "https://u:p@h/?key=1", '{"secret":"x"}', "4111111111111111", "Bearer abcdefghij", "a=b=c", MASK]
)
data = st.recursive(
    texts | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=15,
)


@given(data)
def test_redacting_twice_changes_nothing_more(value):
    once = redact(value)

    assert redact(once) == once


@given(st.text(st.characters(codec="utf-8"), min_size=8, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_a_known_value_never_survives(secret, before, after):
    assert secret not in redact_text(before + secret + after, [secret]).replace(MASK, "\0")


HOSTILE = [
    *("a", "a=", "password=", "://", "@:/", '"', '\\"', "{", "[", "1 ", "1", "4 ", "4111 ", "AA00 ", "A-", "\n", " \n"),
    *("eyJ", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "bearer ", 'password="', "password=\\"),
    *(
        "sk_live_",
        "DE89",
        "password: \\\\\\\\",
        "cookie:",
        "%41",
        "SG.",
        '{"a":',
        "hooks.slack.com/",
        "://a@",
        "Ü=",
        "\0",
    ),
    *(
        "basic a",
        "x:y@",
        "a:",
        "=",
        "key: ",
        "DE89 3704 0044 0532 0130 00 ",
        "4111111111111111 ",
        "https://a:b@c/?d=e ",
    ),
]


@pytest.fixture
def counted(monkeypatch):
    """Every regular expression of redaction counts the places of the text that it looks at."""
    counter = Counter()
    for module in (patterns, text, structure, emails):
        for name, value in list(vars(module).items()):
            if isinstance(value, re.Pattern):
                monkeypatch.setattr(module, name, Counted(value, counter))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    yield counter
    sys.setrecursionlimit(limit)


def hostile(piece, size):
    secrets = ["a-secret-value", 'another "secret" value']
    repeated = (piece * (size // len(piece) + 1))[:size]
    return Redactor(secrets).redact({"text": repeated, "bearer" + " " * size: "x"})


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_is_looked_at_a_bounded_number_of_times(piece, request):
    expected = [hostile(piece, size) for size in (100, 200)]
    counter = request.getfixturevalue("counted")

    looks = []
    for size, shown in zip((100, 200), expected, strict=True):
        counter.looks = 0
        assert hostile(piece, size) == shown  # what is counted is what is done
        looks.append(counter.looks)

    assert looks[1] <= 2.3 * looks[0]  # twice the text, twice the work; quadratic is 4 times
    assert looks[1] <= 200 * 200  # measured: 118 for a character at most


@pytest.mark.parametrize("expression", ["a*b", "(?:a+)+b", "(?<!c)(?:a|a[a])*b", "[a-c]*?[ab]*d"])
def test_work_that_grows_faster_than_the_text_is_seen(expression):
    counter = Counter()
    looks = []
    for size in (6, 12):
        counter.looks = 0
        assert list(Counted(re.compile(expression), counter).finditer("a" * size)) == []
        looks.append(counter.looks)

    assert looks[1] > 2.3 * looks[0]
