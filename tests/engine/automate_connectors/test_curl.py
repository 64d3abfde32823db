"""A curl command as documentation shows it becomes a step; what is secret in it never does."""

from __future__ import annotations

from typing import Any

import pytest

from automate.definitions.actions import find_action_problems
from automate_connectors.http.curl import MAX_CHARACTERS, from_curl
from automate_governance.errors import Invalid

COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("curl https://a.example", {"method": "GET", "url": "https://a.example"}),
    ("$ curl -sSL a.example/x", {"method": "GET", "url": "https://a.example/x", "follow_redirects": True}),
    ("curl -I 'http://a.example/?q=1'", {"method": "HEAD", "url": "http://a.example/?q=1"}),
    ("curl -G https://a.example -d q=1 -d r=2", {"method": "GET", "url": "https://a.example?q=1&r=2"}),
    (
        "curl https://api.a.example/v1/customers -u sk_live_1: -d email=ann@a.example -d name=Ann",
        {
            "method": "POST",
            "url": "https://api.a.example/v1/customers",
            "auth": {"type": "basic", "username": {"$secret": "A_KEY"}, "password": ""},
            "form": {"email": "ann@a.example", "name": "Ann"},
        },
    ),
    (
        """curl -X PATCH https://b.example/1 \\\n -H "Content-Type: application/json" -H "X-Tag: t" -d '{"a": [1]}'""",
        {"method": "PATCH", "url": "https://b.example/1", "json": {"a": [1]}, "headers": {"X-Tag": "t"}},
    ),
    ("curl --json '[1]' https://b.example", {"method": "POST", "url": "https://b.example", "json": [1]}),
    (
        "curl https://ann:pw@b.example -m 90",
        {
            "method": "GET",
            "url": "https://b.example",
            "auth": {"type": "basic", "username": "ann", "password": {"$secret": "B_PASSWORD"}},
            "timeout": 60.0,
        },
    ),
    (
        "curl 'https://b.example/x?api_key=k1&page=2' -H 'Authorization: Token t1'",
        {
            "method": "GET",
            "url": "https://b.example/x?page=2",
            "auth": {
                "type": "api_key",
                "name": "Authorization",
                "value": {"$secret": "B_AUTHORIZATION"},
                "in": "header",
            },
            "query": {"api_key": {"$secret": "B_API_KEY"}},
        },
    ),
    (
        "curl https://b.example -d a=1 -d a=2",
        {"method": "POST", "url": "https://b.example", "body": "a=1&a=2"},
    ),
    (
        "curl -F name=Ann -F 'photo=@/home/ann/p.png;type=image/png' https://b.example",
        {
            "method": "POST",
            "url": "https://b.example",
            "multipart": {
                "name": "Ann",
                "photo": {"filename": "p.png", "content": "", "content_type": "application/octet-stream"},
            },
        },
    ),
]


@pytest.mark.parametrize(("command", "params"), COMMANDS, ids=[command[:40] for command, _ in COMMANDS])
def test_it_becomes_a_step_that_can_be_published(command: str, params: dict[str, Any]) -> None:
    pasted = from_curl(command)

    assert pasted.params == params
    assert list(find_action_problems(pasted.step)) == []


@pytest.mark.parametrize(
    "command",
    [
        "curl https://b.example -H 'Authorization: Bearer S3CRET'",
        "curl https://b.example -H 'X-Api-Key: S3CRET' -H 'X-Auth-Token: S3CRET' -b session=S3CRET",
        "curl -u me:S3CRET https://b.example",
        "curl https://me:S3CRET@b.example/?access_token=S3CRET",
        "curl https://b.example/token -d grant_type=client_credentials -d client_secret=S3CRET",
        """curl https://b.example --json '{"login": {"password": "S3CRET"}, "keys": [{"api_key": "S3CRET"}]}'""",
        "curl https://b.example -F token=S3CRET",
    ],
)
def test_no_credential_is_in_the_step(command: str) -> None:
    pasted = from_curl(command)

    assert "S3CRET" not in str(pasted.step)
    assert pasted.secrets


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", "must begin with `curl`"),
        ("wget https://a.example", "must begin with `curl`"),
        ("curl 'https://a.example", "No closing quotation"),
        ("curl -d a=1", "names no address"),
        ("curl https://a.example https://b.example", "2 addresses"),
        ("curl ftp://a.example", "no http or https address"),
        ("curl https://a.example --upload-file x", "unrecognized arguments"),
        ("curl -X BREW https://a.example", "BREW is no method"),
        ("curl -m soon https://a.example", "invalid float"),
        ("curl https://[::1", "no http or https address"),
        ("curl " + "x" * MAX_CHARACTERS, "At most"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(command: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        from_curl(command)


def test_what_was_left_out_is_said() -> None:
    assert [note.partition(":")[0] for note in from_curl("curl -k -d @body.json https://a.example").notes] == [
        "The file body.json was not read",
        "-k was left out",
    ]
