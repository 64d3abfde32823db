"""Form posts become JSON objects of text; files and anything odd are refused."""

from __future__ import annotations

import json

import pytest

from automate.ingest.body import read_body
from automate.ingest.refusal import Refusal

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=XX"


def part(name: str, content: str, extra: str = "") -> bytes:
    return f'--XX\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n{content}\r\n'.encode()


def code_of(raw: bytes, header: str) -> str:
    with pytest.raises(Refusal) as refused:
        read_body(raw, header)
    return refused.value.code


def test_fields_become_an_object_and_repeats_an_array() -> None:
    body = read_body(b"a=1&b=x+y&a=%C3%A9&c=&a=3", URLENCODED)

    assert json.loads(body.text) == {"a": ["1", "é", "3"], "b": "x y", "c": ""}


def test_text_parts_become_an_object() -> None:
    raw = part("a", "1") + part("note", "line one\r\nline two") + part("a", "é") + b"--XX--\r\n"

    assert json.loads(read_body(raw, MULTIPART).text) == {"a": ["1", "é"], "note": "line one\r\nline two"}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "invalid_form"),
        (b"a=%00", "unstorable_text"),
        (b"a=%ff", "invalid_encoding"),
        (b"a=\xff", "invalid_form"),
        (b"&".join(b"f%d=1" % n for n in range(1001)), "invalid_form"),
    ],
)
def test_an_odd_form_is_refused(raw: bytes, code: str) -> None:
    assert code_of(raw, URLENCODED) == code


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"--XX--\r\n",
        part("a", "1"),
        part("a", "1", '; filename="x.txt"') + b"--XX--\r\n",
        part("a", "1", "\r\nContent-Type: application/pdf") + b"--XX--\r\n",
        part("a", "1", "\r\nContent-Transfer-Encoding: base64") + b"--XX--\r\n",
        b"--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--\r\n",
        b"--XX\r\nnonsense\r\n\r\n1\r\n--XX--\r\n",
        b"--XX\r\n\r\n1\r\n--XX--\r\n",
        b"".join(part("a", "1") for _ in range(1001)) + b"--XX--\r\n",
        part("a", "1").replace(b"--XX", b"--YY") + b"--YY--\r\n",
    ],
)
def test_an_odd_multipart_body_is_refused(raw: bytes) -> None:
    assert code_of(raw, MULTIPART) == "invalid_form"


def test_multipart_text_is_utf8_without_nul() -> None:
    assert code_of(part("a", "1").replace(b"1", b"\xff") + b"--XX--\r\n", MULTIPART) == "invalid_encoding"
    assert code_of(part("a", "\x00") + b"--XX--\r\n", MULTIPART) == "unstorable_text"
