"""A curl command as a step: what an API's documentation shows, ready to be edited. Nothing is sent.

Credentials never get into the step: each becomes a reference to a secret, named in `Pasted.secrets`, to be stored.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from automate_connectors.http.request import METHODS
from automate_governance.errors import Invalid

MAX_CHARACTERS = 100_000
_SECRET_HEADER = re.compile(r"authorization$|api-?key$|token$|secret$|^cookie$", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(r"(^|[_-])(key|token|secret|password|signature|sig)$|apikey$", re.IGNORECASE)
_FORM = "application/x-www-form-urlencoded"
_IGNORED = (  # they change what is shown, or what the engine decides by itself
    *("-s", "-S", "-v", "-i", "-f", "-g", "-N", "-#"),
    *("--silent", "--show-error", "--verbose", "--include", "--fail", "--fail-with-body", "--globoff", "--no-buffer"),
    *("--compressed", "--http1.1", "--http2", "--http3", "--tlsv1.2", "--progress-bar", "--location-trusted"),
)
_IGNORED_WITH_VALUE = ("-o", "--output", "-w", "--write-out", "--connect-timeout", "--retry", "--retry-delay")


@dataclass
class Pasted:
    """`params` of `http.request`; `secrets` that they refer to; `notes` on what was left out, for whoever pasted."""

    params: dict[str, Any]
    secrets: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def step(self) -> dict[str, Any]:
        return {"id": "request", "connector": "http", "action": "request", "params": self.params}


def from_curl(command: str) -> Pasted:
    """What the command would send. Raises Invalid naming what cannot be read.

    >>> from_curl("curl https://api.example.com/orders -H 'Authorization: Bearer abc'").params["auth"]
    {'type': 'bearer', 'token': {'$secret': 'EXAMPLE_TOKEN'}}
    """
    given = _parse(command)
    url = _url(given)
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid("The command names no http or https address.", details={"param": "command"})
    pasted = Pasted({"method": "GET", "url": urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))})
    headers = _headers(given)
    name = _secret_name(parts.hostname)
    _put_credentials(pasted, headers, _user(given, parts.netloc), name)
    _put_query(pasted, name)
    _put_body(pasted, headers, given, name)
    pasted.params["method"] = _method(given, has_body=_has_body(given))
    if headers:
        pasted.params["headers"] = headers
    if given.location:
        pasted.params["follow_redirects"] = True
    if given.max_time is not None:
        pasted.params["timeout"] = max(0.1, min(60.0, given.max_time))
    if given.insecure:
        pasted.notes.append("-k was left out: a certificate that does not fit is always refused.")
    return pasted


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Invalid(f"The command cannot be read: {message}.", details={"param": "command"})


def _parser() -> _Parser:
    parser = _Parser(prog="curl", add_help=False, allow_abbrev=False)
    parser.add_argument("urls", nargs="*")
    parser.add_argument("--url")
    parser.add_argument("-X", "--request")
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument(
        *("-d", "--data", "--data-raw", "--data-ascii", "--data-binary"), dest="data", action="append", default=[]
    )
    parser.add_argument("--data-urlencode", action="append", default=[])
    parser.add_argument("--json", action="append", default=[])
    parser.add_argument("-F", "--form", "--form-string", action="append", default=[])
    parser.add_argument("-u", "--user")
    parser.add_argument("--oauth2-bearer")
    parser.add_argument("-A", "--user-agent")
    parser.add_argument("-e", "--referer")
    parser.add_argument("-b", "--cookie")
    parser.add_argument("-m", "--max-time", type=float)
    for flags in (("-G", "--get"), ("-I", "--head"), ("-L", "--location"), ("-k", "--insecure")):
        parser.add_argument(*flags, action="store_true")
    for flag in _IGNORED:
        parser.add_argument(flag, action="store_true", dest="ignored")
    for flag in _IGNORED_WITH_VALUE:
        parser.add_argument(flag, dest="ignored_value")
    return parser


def _parse(command: str) -> argparse.Namespace:
    if len(command) > MAX_CHARACTERS:
        raise Invalid(f"At most {MAX_CHARACTERS:,} characters are read.", details={"param": "command"})
    text = re.sub(r"[\\^`]\s*\r?\n", " ", command.strip()).removeprefix("$ ")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Invalid(f"The command cannot be read: {error}.", details={"param": "command"}) from None
    if not words or words[0].rpartition("/")[2] not in ("curl", "curl.exe"):
        raise Invalid("The command must begin with `curl`.", details={"param": "command"})
    return _parser().parse_intermixed_args(words[1:])


def _url(given: argparse.Namespace) -> str:
    urls = [*([given.url] if given.url else []), *given.urls]
    if len(urls) != 1:
        what = "no address" if not urls else f"{len(urls)} addresses"
        raise Invalid(f"The command names {what}; one is needed.", details={"param": "command"})
    url = str(urls[0]) if "://" in urls[0] else f"https://{urls[0]}"
    if given.get and _data(given):
        url += ("&" if "?" in url else "?") + "&".join(_data(given))
    return url


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # such as a bracket that is never closed
        return SplitResult("", "", "", "", "")


def _headers(given: argparse.Namespace) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    for line in given.header:
        name, colon, value = line.partition(":")
        if colon and value.strip():
            headers[name.strip()] = value.strip()
    extra = {"User-Agent": given.user_agent, "Referer": given.referer, "Cookie": given.cookie}
    return headers | {name: value for name, value in extra.items() if value}


def _user(given: argparse.Namespace, netloc: str) -> str | None:
    """`name:password` as given with -u, or inside the address."""
    return given.user or (netloc.rpartition("@")[0] or None)


def _put_credentials(pasted: Pasted, headers: dict[str, Any], user: str | None, name: str) -> None:
    """The first that can be `auth` is; whatever else is a credential becomes a reference where it stands."""
    if user is not None:
        login, _, password = user.partition(":")
        pasted.params["auth"] = (
            {"type": "basic", "username": login, "password": _refer(pasted, f"{name}_PASSWORD")}
            if password
            else {"type": "basic", "username": _refer(pasted, f"{name}_KEY"), "password": ""}  # the key is the name
        )
    for header in [header for header in headers if _SECRET_HEADER.search(header)]:
        value = str(headers[header])
        scheme, _, _token = value.partition(" ")
        if "auth" not in pasted.params and header.lower() == "authorization" and scheme.lower() == "bearer":
            pasted.params["auth"] = {"type": "bearer", "token": _refer(pasted, f"{name}_TOKEN")}
            del headers[header]
        elif "auth" not in pasted.params:
            kept = _refer(pasted, f"{name}_{_as_name(header)}")
            pasted.params["auth"] = {"type": "api_key", "name": header, "value": kept, "in": "header"}
            del headers[header]
        else:
            headers[header] = _refer(pasted, f"{name}_{_as_name(header)}")


def _put_query(pasted: Pasted, name: str) -> None:
    """Parameters of the address that are credentials leave it."""
    parts = urlsplit(pasted.params["url"])
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    secret = [key for key, _value in pairs if _SECRET_PARAMETER.search(key)]
    if not secret:
        return
    rest = urlencode([(key, value) for key, value in pairs if key not in secret])
    pasted.params["url"] = urlunsplit(parts._replace(query=rest))
    for key in dict.fromkeys(secret):
        kept = _refer(pasted, f"{name}_{_as_name(key)}")
        if "auth" not in pasted.params:
            pasted.params["auth"] = {"type": "api_key", "name": key, "value": kept, "in": "query"}
        else:
            pasted.params.setdefault("query", {})[key] = kept


def _refer(pasted: Pasted, name: str) -> dict[str, str]:
    pasted.secrets.append(name)
    return {"$secret": name}


def _put_body(pasted: Pasted, headers: dict[str, Any], given: argparse.Namespace, name: str) -> None:
    kind = next((str(value) for name, value in headers.items() if name.lower() == "content-type"), "")
    if given.form:
        fields = dict(_form_field(text, pasted) for text in given.form)
        pasted.params["multipart"] = _without_credentials(pasted, fields, name)
        _drop(headers, "content-type")
        return
    if given.get or not _has_body(given):
        return
    text = "".join(given.json) or "&".join(_data(given))
    if text.startswith("@"):
        pasted.notes.append(f"The file {text[1:]} was not read: write its content as `body`.")
        text = ""
    document = _as_json(text)
    if document is not None and (given.json or "json" in kind or not kind):
        pasted.params["json"] = _without_credentials(pasted, document, name)
        _drop(headers, "content-type")
    elif (not kind or kind.startswith(_FORM)) and (pairs := _once_each(text)):
        pasted.params["form"] = _without_credentials(pasted, pairs, name)
        _drop(headers, "content-type")
    else:
        pasted.params["body"] = text


def _without_credentials(pasted: Pasted, value: Any, name: str) -> Any:
    """A body with references in place of texts whose field is called key, token, secret, password…"""
    if isinstance(value, list):
        return [_without_credentials(pasted, below, name) for below in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _refer(pasted, f"{name}_{_as_name(key)}")
        if isinstance(below, str) and _SECRET_PARAMETER.search(key)
        else _without_credentials(pasted, below, name)
        for key, below in value.items()
    }


def _form_field(text: str, pasted: Pasted) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    if not value.startswith(("@", "<")):
        return name, value
    file = value[1:].partition(";")[0]
    pasted.notes.append(f"The file {file} was not read: write its content as `content` or `content_base64`.")
    return name, {"filename": file.rpartition("/")[2], "content": "", "content_type": "application/octet-stream"}


def _data(given: argparse.Namespace) -> list[str]:
    return [*given.data, *given.data_urlencode]


def _has_body(given: argparse.Namespace) -> bool:
    return bool(given.json or given.form or (_data(given) and not given.get))


def _method(given: argparse.Namespace, *, has_body: bool) -> str:
    method = str(given.request or ("HEAD" if given.head else "POST" if has_body else "GET")).upper()
    if method not in METHODS:
        raise Invalid(f"{method} is no method that the connector sends.", details={"param": "command"})
    return method


def _as_json(text: str) -> Any:
    """The object or list that the text is, else None."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, (dict, list)) else None


def _once_each(text: str) -> dict[str, str]:
    """The form's fields; nothing where one comes twice, which an object cannot say."""
    pairs = parse_qsl(text, keep_blank_values=True)
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else {}


def _drop(headers: dict[str, Any], name: str) -> None:
    for header in [header for header in headers if header.lower() == name]:
        del headers[header]


def _secret_name(host: str) -> str:
    """`api.stripe.com` gives STRIPE: what people call the service."""
    labels = [label for label in host.split(".") if label]
    return _as_name(labels[-2] if len(labels) > 1 and not labels[-1].isdigit() else f"host_{labels[0]}")


def _as_name(text: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")
