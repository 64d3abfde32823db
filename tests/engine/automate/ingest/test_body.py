"""Bodies: every document is stored faithfully or refused with a code; none is a crash."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automate.ingest import strict
from automate.ingest.body import MAX_BODY_BYTES, read_body, read_json
from automate.ingest.refusal import DuplicateMember, Refusal
from tests.support.examples import examples

JSON = "application/json"

KEPT = [
    b"{}",
    b"[]",
    b"null",
    b"true",
    b"0",
    b'""',
    b" \r\n\t{} ",
    b'{"a":1,"b":{"a":1}}',
    b'{"a" : 1 , "b"\n:\t2}',
    b'{"":0}',
    b'{"a":"\\"b\\":"}',
    b'{"a":":b","c":"\\\\"}',
    b'[{"a":1},{"a":2}]',
    b'"\\ud83d\\ude00"',
    b'"\\\\u0000"',
    b'"\xf0\x9f\x98\x80"',
    b'"\x7f"',
    b"-0",
    b"-0.0",
    b"1e308",
    b"5e-324",
    b"1e-400",
    b"0e1",
    b"12345678901234567890123456789",
    b"1" + b"0" * 300,
    b"0." + b"3" * 900,
    b"3.14159265358979323846264338327950288",
    b"[" * 64 + b"]" * 64,
    b'{"a":' * 64 + b"1" + b"}" * 64,
    b'{"' + b"k" * 200_000 + b'":1}',
    b'["' + b"[" * 5000 + b'"]',
    b"[" + b"1," * 300_000 + b"1]",
]

REFUSED = {
    "invalid_json": [
        b"",
        b"   ",
        b"{",
        b'{"a"',
        b'{"a":}',
        b"[1,]",
        b'{"a":1,}',
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"0x1",
        b"NaN",
        b"-Infinity",
        b'{"a":NaN}',
        b"{'a':1}",
        b"{a:1}",
        b'{"a":1}{"a":1}',
        b'{"a":1} x',
        b'"a\tb"',
        b'"\x00"',
        b'"\\x"',
        b'"\\u12"',
        b"tru",
        b"// c\n1",
        b"\x00",
        b"\xc2\xa0{}",
        b"\xe2\x80\xa8{}",
    ],
    "duplicate_name": [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"x":[{"y":{"a":1,"b":2,"a":3}}]}',
        b'{"a" :1,"a" :2}',
        b'{"a":":","a":1}',
        b'{"":1,"":2}',
        b'{"a":1,"a":"\\":"}',
    ],
    "too_deep": [
        b"[" * 65 + b"]" * 65,
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b"[" * 1000 + b"]" * 1000,
    ],
    "number_out_of_range": [
        b"1e309",
        b"-1e999",
        b"1e400",
        b"[1" + b"0" * 400 + b"]",
        b"9" * 5000,
        b"9" * 500_000,
        b"1e-99999",
        b"0e99999",
        b"0.0e-99999999999999999999",
        b"0." + b"3" * 20_000,
        b"1e99999999999999999999",
    ],
    "unstorable_text": [
        b'"\\u0000"',
        b'{"\\u0000":1}',
        b'["ok",{"a":"x\\u0000y"}]',
        b'"\\ud800"',
        b'"\\udc00"',
        b'"\\ude00\\ud83d"',
        b'{"\\ud800":1}',
    ],
    "invalid_encoding": [
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b"\xfe\xff\x00{\x00}",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xc0\xaf"',
        b'"\xf5\x80\x80\x80"',
        '{"é":1}'.encode("latin-1"),
    ],
}


@pytest.mark.parametrize("raw", KEPT, ids=lambda raw: repr(raw[:24]))
def test_a_sound_document_is_kept_as_its_own_text(raw: bytes) -> None:
    assert read_body(raw, JSON).text == raw.decode()


@pytest.mark.parametrize(
    ("code", "raw"), [(code, raw) for code, cases in REFUSED.items() for raw in cases], ids=lambda part: repr(part[:24])
)
def test_an_unsound_document_is_refused_with_its_code(code: str, raw: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read_body(raw, JSON)

    assert refused.value.code == code
    assert refused.value.http_status == 400
    json.dumps(refused.value.as_dict("0" * 32)).encode()  # what the sender is told can always be sent


def test_utf16_and_utf32_are_not_mistaken_for_json() -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        with pytest.raises(Refusal) as refused:
            read_body('{"a":1}'.encode(encoding), JSON)
        assert refused.value.code in {"invalid_encoding", "invalid_json"}


def test_the_refusal_says_where_and_which() -> None:
    with pytest.raises(Refusal) as refused:
        read_json(b'{"a": 1,\n "b": }')
    assert (refused.value.details["line"], refused.value.details["column"]) == (2, 7)

    with pytest.raises(DuplicateMember) as twice:
        read_json(b'{"order": {"id": 1, "id": 2}}')
    assert twice.value.details == {"name": "id"}


def test_size_is_refused_before_anything_is_read() -> None:
    assert read_body(b'"' + b"a" * (MAX_BODY_BYTES - 2) + b'"', JSON)
    with pytest.raises(Refusal) as refused:
        read_body(b" " * (MAX_BODY_BYTES + 1), None)
    assert refused.value.code == "payload_too_large"


@pytest.mark.parametrize(
    "header",
    [None, "", "text/plain", "text/json", "application/xml", "application/octet-stream", "json", "application/jsonx",
     "application/json; charset=utf-16", "application/json; charset=latin-1", "multipart/form-data", "multipart/mixed"],
)  # fmt: skip
def test_the_content_type_alone_chooses_the_parser(header: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        read_body(b"{}", header)
    assert (refused.value.code, refused.value.http_status) == ("unsupported_media_type", 415)


@pytest.mark.parametrize(
    "header",
    ["application/json", "APPLICATION/JSON", "application/json;charset=UTF-8", 'application/json; charset="utf-8"',
     "application/vnd.github+json", "application/cloudevents+json; charset=utf-8", " application/json "],
)  # fmt: skip
def test_json_has_many_names(header: str) -> None:
    assert read_body(b'{"a":1}', header).value == {"a": 1}


def test_a_compressed_body_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        read_body(b"{}", JSON, "gzip")
    assert refused.value.http_status == 415
    assert read_body(b"{}", JSON, "identity").text == "{}"


names = st.sampled_from(["a", "b", "c", ":", 'q":', "\\u0061", "", " "])
spaces = st.sampled_from(["", "", "", " ", "\n", "\t "])
scalars = st.sampled_from(
    ["1", "-0", "0", "0.0", "1.5", "1e5", "0e5", "1e-9999", "0e9999", "null", '":"', '"\\":"', '"x"', '"\\u0000"']
)


def _object(pairs: list[tuple[str, str, str, str]]) -> str:
    quoted = [(f'"{name}"' if name.startswith("\\") else json.dumps(name), *rest) for name, *rest in pairs]
    return "{" + ",".join(f"{name}{before}:{after}{value}" for name, before, after, value in quoted) + "}"


documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: "[" + ",".join(items) + "]")
        | st.lists(st.tuples(names, spaces, spaces, inner), max_size=4).map(_object)
    ),
    max_leaves=20,
)


@settings(max_examples=examples(500))
@given(documents)
def test_the_quick_reading_accepts_exactly_what_the_strict_one_does(text: str) -> None:
    raw = text.encode()

    def verdict(read: object) -> str:
        try:
            read(raw)  # type: ignore[operator]
        except Refusal as refusal:
            return refusal.code
        return "accepted"

    assert verdict(read_json) == verdict(strict.check)


@settings(max_examples=examples(250))
@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_it_crash(raw: bytes) -> None:
    for header in (JSON, "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"):
        try:
            read_body(raw, header)
        except Refusal as refusal:
            assert refusal.http_status == 400
