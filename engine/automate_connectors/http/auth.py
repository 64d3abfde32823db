"""Credentials of a request: put into a header or the query at the last moment, never into an output or an error."""

from __future__ import annotations

import base64
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from automate_connectors.http.pages import with_param
from automate_connectors.http.tokens import TOKENS, TokenRequest, fetch_token
from automate_connectors.inputs import invalid
from automate_connectors.web import Call
from automate_governance.clock import Clock
from automate_governance.egress import Reply

_FIELDS = {  # kind → (required, optional)
    "none": ((), ()),
    "basic": (("username", "password"), ()),
    "bearer": (("token",), ()),
    "api_key": (("name", "value"), ("in",)),
    "oauth2_client_credentials": (
        ("token_url", "client_id", "client_secret"),
        ("scopes", "audience", "client_auth"),
    ),
}


@dataclass(frozen=True)
class Authorization:
    """`auth` of one step, read. `token_request` where a token has to be fetched first."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    token_request: TokenRequest | None = None

    @classmethod
    def read(cls, params: Mapping[str, Any], context: Mapping[str, Any]) -> Authorization:
        """Raises ConnectorError (`invalid_params`); messages name fields, never values."""
        auth = params.get("auth")
        if auth is None:
            return cls({}, {})
        fields = _checked(auth)
        kind = fields["type"]
        if kind == "basic":
            pair = f"{fields['username']}:{fields['password']}".encode()
            return cls({"Authorization": f"Basic {base64.b64encode(pair).decode()}"}, {})
        if kind == "bearer":
            return cls({"Authorization": f"Bearer {fields['token']}"}, {})
        if kind == "api_key":
            pair_ = {fields["name"]: fields["value"]}
            return cls({}, pair_) if fields.get("in") == "query" else cls(pair_, {})
        if kind == "oauth2_client_credentials":
            return cls({}, {}, TokenRequest.read(fields, owner=str(context.get("pool_key") or "")))
        return cls({}, {})

    @property
    def header_names(self) -> frozenset[str]:
        """Headers, in lower case, that carry its credentials."""
        return frozenset({"authorization", *(name.lower() for name in self.headers)})

    def apply(self, call: Call, clock: Clock) -> Generator[Call, Reply, Call]:
        """`call` with its credentials; fetches a token where one is needed and none is kept."""
        if not self.headers and not self.query and self.token_request is None:
            return call
        headers = dict(self.headers)
        if self.token_request is not None:
            token = TOKENS.get(self.token_request)
            if token is None:
                token = yield from fetch_token(self.token_request, clock)
            headers["Authorization"] = f"Bearer {token}"
        names = {name.lower() for name in headers}
        kept = {name: value for name, value in call.headers.items() if name.lower() not in names}
        url = call.url
        for name, value in self.query.items():
            url = with_param(url, name, value)
        return replace(call, url=url, headers={**kept, **headers})

    def forget_token(self) -> bool:
        """Drop the kept token, if this authorization has one; whether there is any use in trying again."""
        return self.token_request is not None and TOKENS.forget(self.token_request)


def _checked(auth: Any) -> dict[str, Any]:
    if not isinstance(auth, Mapping) or auth.get("type") not in _FIELDS:
        raise invalid(f"`auth.type` is one of {', '.join(_FIELDS)}.")
    required, optional = _FIELDS[auth["type"]]
    for name in required:
        if not isinstance(auth.get(name), str) or not auth[name]:
            raise invalid(f"`auth.{name}` is required with `auth.type` {auth['type']}: text.")
    unknown = {name for name, value in auth.items() if value is not None} - {"type", *required, *optional}
    if unknown:
        raise invalid(f"`auth.{min(unknown)}` has no meaning with `auth.type` {auth['type']}.")
    return {name: value for name, value in auth.items() if value is not None}
