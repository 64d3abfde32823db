"""Following pages, with a bound: `Link` headers (RFC 8288), a cursor in the body, or page numbers.

Every page goes to the host of the first: a reply cannot send the step's credentials elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from automate_connectors.inputs import invalid
from automate_connectors.models import ConnectorError
from automate_governance.storable import MAX_BYTES

KINDS = ("link", "cursor", "page")
MAX_PAGES = 100
_DEFAULT_PAGES = 10
_ROOM_BYTES = MAX_BYTES - 65_536  # of all items as JSON: what one step's output can hold, beside its other fields
_FIELDS = {"type", "items", "cursor", "param", "start", "max_pages"}
_LINK = re.compile(r"<([^>]*)>([^<]*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


@dataclass(frozen=True)
class Paging:
    """`items` and `cursor`: dotted paths into a body; "" is the body itself. `param`: a name in the query."""

    kind: str
    items: str
    cursor: str
    param: str
    start: int
    max_pages: int


def read(params: Mapping[str, Any]) -> Paging | None:
    """`paginate` of a step. Raises ConnectorError (`invalid_params`)."""
    given = params.get("paginate")
    if given is None:
        return None
    if not isinstance(given, Mapping) or given.get("type") not in KINDS:
        raise invalid(f"`paginate.type` is one of {', '.join(KINDS)}.")
    if unknown := set(given) - _FIELDS:
        raise invalid(f"`paginate` has no field `{min(unknown)}`.")
    kind = given["type"]
    for name in ("items", "cursor", "param"):
        if not isinstance(given.get(name) or "", str):
            raise invalid(f"`paginate.{name}` is text.")
    if kind == "cursor" and not given.get("cursor"):
        raise invalid("`paginate.cursor` says where in the body the next cursor stands, such as `meta.next`.")
    max_pages, start = given.get("max_pages", _DEFAULT_PAGES), given.get("start", 1)
    if isinstance(max_pages, bool) or not isinstance(max_pages, int) or not 1 <= max_pages <= MAX_PAGES:
        raise invalid(f"`paginate.max_pages` is a whole number from 1 to {MAX_PAGES}.")
    if isinstance(start, bool) or not isinstance(start, int) or start < 0:
        raise invalid("`paginate.start` is a whole number from 0.")
    param = given.get("param") or {"cursor": "cursor", "page": "page", "link": ""}[kind]
    return Paging(kind, given.get("items") or "", given.get("cursor") or "", param, start, max_pages)


class Gathered:
    """The items so far, and where the next ones are."""

    def __init__(self, paging: Paging, url: str):
        self._paging = paging
        self._url = url
        self._first = urlsplit(url)
        self._items: list[Any] = []
        self._pages = 0
        self._bytes = 0
        self._latest = 0  # items of the latest page
        self._truncated = False
        self._seen = {url}

    def add(self, body: Any) -> None:
        """Take one page. Raises ConnectorError where its items are not a list: a success that is none is no success."""
        found = at_path(body, self._paging.items)
        if not isinstance(found, list):
            where = f"`{self._paging.items}` of the body" if self._paging.items else "the body"
            raise ConnectorError(f"Page {self._pages + 1}: {where} is not a list.", code="not_a_page")
        self._pages += 1
        self._latest = len(found)
        for item in found:
            self._bytes += len(json.dumps(item, ensure_ascii=False).encode("utf-8", "replace")) + 1
            if self._bytes > _ROOM_BYTES:
                self._truncated = True
                return
            self._items.append(item)

    def next_url(self, output: Mapping[str, Any]) -> str | None:
        """Where the next page is; None at the end and at a bound."""
        if self._truncated:
            return None
        url = self._following(output)
        if url is None:
            return None
        if self._pages >= self._paging.max_pages:
            self._truncated = True
            return None
        to = urlsplit(url)
        if (to.scheme, to.netloc) != (self._first.scheme, self._first.netloc):
            raise ConnectorError("The next page is on another host; it is not followed.", code="foreign_page")
        if url in self._seen:
            raise ConnectorError("The next page is one that was read already.", code="page_loop")
        self._seen.add(url)
        self._url = url
        return url

    def result(self) -> dict[str, Any]:
        """`truncated`: there was more than `max_pages`, or than one output can hold."""
        return {"body": self._items, "pages": self._pages, "truncated": self._truncated}

    def _following(self, output: Mapping[str, Any]) -> str | None:
        if self._paging.kind == "link":
            target = next_link(str(output["headers"].get("link", "")))
            return urljoin(self._url, target) if target else None
        if self._paging.kind == "cursor":
            cursor = at_path(output["body"], self._paging.cursor)
            if isinstance(cursor, bool) or not isinstance(cursor, (str, int)) or cursor == "":
                return None
            text = str(cursor)
            if text.startswith(("http://", "https://", "/")):
                return urljoin(self._url, text)
            return with_param(self._url, self._paging.param, text)
        if self._latest == 0:
            return None
        return with_param(self._url, self._paging.param, str(self._paging.start + self._pages))


def at_path(body: Any, path: str) -> Any:
    """What stands at a dotted path; None where there is nothing.

    >>> at_path({"data": {"items": [1, 2]}}, "data.items"), at_path({"a": [5]}, "a.0"), at_path([1], "")
    ([1, 2], 5, [1])
    """
    for part in path.split(".") if path else ():
        if isinstance(body, Mapping):
            body = body.get(part)
        elif isinstance(body, list) and part.isdigit() and int(part) < len(body):
            body = body[int(part)]
        else:
            return None
    return body


def next_link(header: str) -> str | None:
    """The target of `rel="next"` in a `Link` header.

    >>> next_link('<https://a.example/?page=2>; rel="next", <https://a.example/?page=9>; rel="last"')
    'https://a.example/?page=2'
    """
    for match in _LINK.finditer(header):
        found = _REL.search(match.group(2))
        if found and "next" in (found.group(1) or found.group(2) or "").lower().split():
            return match.group(1).strip()
    return None


def with_param(url: str, name: str, value: str) -> str:
    """`url` with one query parameter set anew.

    >>> with_param("https://a.example/x?cursor=1&n=5", "cursor", "b c")
    'https://a.example/x?n=5&cursor=b%20c'
    """
    parts = urlsplit(url)
    kept = [(key, kept) for key, kept in parse_qsl(parts.query, keep_blank_values=True) if key != name]
    query = urlencode([*kept, (name, value)], quote_via=quote)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
