"""An OpenAPI document as steps of the HTTP connector: one for each operation, ready to be edited. Nothing is sent.

Reads OpenAPI 3.0 and 3.1. Parameters of the path and the query, and bodies, become templates over the payload where the
document has no example; what a security scheme asks becomes references to secrets, to be stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from automate_connectors.http.openapi_schemas import Document, body_of, path_to, said_example
from automate_governance.errors import Invalid

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
MAX_OPERATIONS = 1_000
_PLACEHOLDER = re.compile(r"\{([^{}]{1,100})\}")


@dataclass
class Operation:
    """One action of an imported API. `step` is whole; `secrets` are those it refers to; `notes` what was left out."""

    code: str
    name: str
    description: str
    method: str
    path: str
    tags: list[str]
    step: dict[str, Any]
    secrets: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Api:
    title: str
    version: str
    server: str
    operations: list[Operation]


def read(root: Any, *, name: str = "", server: str = "") -> Api:
    """What the document describes. `name` begins the names of its secrets, `server` replaces the document's own.

    Raises Invalid saying what is missing.
    """
    if not isinstance(root, Mapping):
        raise _invalid("An OpenAPI document is an object.")
    version = root.get("openapi")
    if not isinstance(version, str) or not version.startswith(("3.0", "3.1")):
        said = "Swagger 2.0" if "swagger" in root else repr(version)[:40] if version else "no version"
        raise _invalid(f"OpenAPI 3.0 and 3.1 are read; this says {said}.")
    info = root.get("info") if isinstance(root.get("info"), Mapping) else {}
    title = str(info.get("title") or "")[:200] if isinstance(info, Mapping) else ""
    reader = _Reader(Document(root), _as_secret(name or title or "api"), server or _server_of(root.get("servers")))
    operations = list(reader.operations())
    if not operations:
        raise _invalid("The document has no operations under `paths`.")
    numbered = str(info.get("version") or "")[:60] if isinstance(info, Mapping) else ""
    return Api(title, numbered, reader.server, operations)


class _Reader:
    def __init__(self, document: Document, secret: str, server: str):
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise _invalid("The document names no whole server address; give the one to call.", param="server")
        self.document, self.secret, self.server = document, secret, server
        self._codes: set[str] = set()

    def operations(self) -> Iterator[Operation]:
        paths = self.document.root.get("paths")
        count = 0
        for path, item in paths.items() if isinstance(paths, Mapping) else ():
            shared = self.document.resolved(item)
            for method in METHODS:
                if not isinstance(shared.get(method), Mapping) or not str(path).startswith("/"):
                    continue
                count += 1
                if count > MAX_OPERATIONS:
                    raise _invalid(f"At most {MAX_OPERATIONS:,} operations are read; split the document.")
                yield self._operation(method.upper(), str(path), shared, shared[method])

    def _operation(self, method: str, path: str, shared: Mapping[str, Any], said: Mapping[str, Any]) -> Operation:
        code = self._code(str(said.get("operationId") or f"{method}_{path}"))
        made = Operation(
            code=code,
            name=str(said.get("summary") or said.get("operationId") or f"{method} {path}")[:200],
            description=str(said.get("description") or "")[:500],
            method=method,
            path=path[:500],
            tags=[str(tag)[:60] for tag in _list(said.get("tags"))[:5]],
            step={"id": code, "connector": "http", "action": "request", "params": {"method": method}},
        )
        server = _server_of(said.get("servers") or shared.get("servers"), base=self.server) or self.server
        self._put_parameters(made, self._parameters(shared, said), server)
        self._put_body(made, self.document.resolved(said.get("requestBody")))
        self._put_security(made, said.get("security", self.document.root.get("security")))
        return made

    def _code(self, text: str) -> str:
        """Unique among the operations, and good as a step's id."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
        base = code = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:50] or "call"
        number = 2
        while code in self._codes:
            code, number = f"{base}_{number}", number + 1
        self._codes.add(code)
        return code

    def _parameters(self, shared: Mapping[str, Any], said: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Those of the path, replaced by the operation's own where they have a name in common."""
        found = {}
        for value in [*_list(shared.get("parameters")), *_list(said.get("parameters"))]:
            parameter = self.document.resolved(value)
            if isinstance(parameter.get("name"), str):
                found[parameter["name"], parameter.get("in")] = parameter
        return list(found.values())

    def _put_parameters(self, made: Operation, parameters: list[dict[str, Any]], server: str) -> None:
        path, query, headers, optional = made.path, {}, {}, []
        for parameter in parameters:
            name, where = parameter["name"], parameter.get("in")
            value = self._value(parameter)
            if where == "path":
                path = path.replace(f"{{{name}}}", str(value))
            elif parameter.get("required") is not True:
                optional.append(name)
            elif where == "query":
                query[name] = value
            elif where == "header":
                headers[name] = value
            elif where == "cookie":
                made.notes.append(f"The cookie {name} was left out: send it as a header `Cookie`.")
        path = _PLACEHOLDER.sub(_as_template, path)
        made.step["params"]["url"] = server.rstrip("/") + path
        made.step["params"] |= {key: value for key, value in (("query", query), ("headers", headers)) if value}
        if optional:
            made.notes.append(f"Optional, left out: {', '.join(optional[:30])}.")

    def _value(self, parameter: Mapping[str, Any]) -> Any:
        """A template, or outside of the path the example that the document gives."""
        schema = self.document.resolved(parameter.get("schema"))
        offered = said_example({"example": parameter.get("example"), **schema})
        name = str(parameter["name"])
        return f"{{{{ {path_to('payload', name)} }}}}" if offered is None or parameter.get("in") == "path" else offered

    def _put_body(self, made: Operation, body: Mapping[str, Any]) -> None:
        content = body.get("content")
        kinds = (
            {str(kind): self.document.resolved(media) for kind, media in content.items()}
            if isinstance(content, Mapping)
            else {}
        )
        if not kinds:
            return
        for name, fits in (
            ("json", lambda kind: "json" in kind),
            ("form", lambda kind: kind.startswith("application/x-www-form-urlencoded")),
            ("multipart", lambda kind: kind.startswith("multipart/form-data")),
        ):
            kind = next((kind for kind in kinds if fits(kind)), None)
            if kind is None:
                continue
            made.step["params"][name], left_out = body_of(self.document, kinds[kind])
            if name == "json" and not kind.startswith("application/json"):
                made.step["params"].setdefault("headers", {})["Content-Type"] = kind[:200]
            if left_out:
                made.notes.append(f"Optional in the body, left out: {', '.join(left_out[:30])}.")
            return
        made.step["params"]["body"] = "{{ payload }}"
        made.notes.append(f"The body is {next(iter(kinds))[:100]}: write it as text.")

    def _put_security(self, made: Operation, wanted: Any) -> None:
        """The first alternative that the document accepts; {} is none."""
        components = self.document.resolved(self.document.root.get("components"))
        schemes = self.document.resolved(components.get("securitySchemes"))
        alternatives = [each for each in _list(wanted) if isinstance(each, Mapping)]
        if not alternatives or {} in alternatives:
            return
        for name, scopes in alternatives[0].items():
            scheme = self.document.resolved(schemes.get(name))
            auth = self._auth(made, scheme, [scope for scope in _list(scopes) if isinstance(scope, str)])
            if auth is None:
                made.notes.append(f"It asks for {str(name)[:60]}, which is left for you to fill in.")
            elif "auth" in made.step["params"]:
                made.step["params"].setdefault("headers", {})[str(auth.get("name", name))] = auth.get("value", "")
            else:
                made.step["params"]["auth"] = auth

    def _auth(self, made: Operation, scheme: Mapping[str, Any], scopes: list[str]) -> dict[str, Any] | None:
        kind, http = scheme.get("type"), str(scheme.get("scheme", "")).lower()
        if kind == "http" and http == "basic":
            return {
                "type": "basic",
                "username": self._refer(made, "USER"),
                "password": self._refer(made, "PASSWORD"),
            }
        if kind == "apiKey" and scheme.get("in") in ("header", "query") and isinstance(scheme.get("name"), str):
            key = self._refer(made, _as_secret(scheme["name"]))
            return {"type": "api_key", "name": scheme["name"], "value": key, "in": scheme["in"]}
        flows = scheme.get("flows") if isinstance(scheme.get("flows"), Mapping) else {}
        flow = flows.get("clientCredentials") if isinstance(flows, Mapping) else None
        if kind == "oauth2" and isinstance(flow, Mapping) and isinstance(flow.get("tokenUrl"), str):
            return {
                "type": "oauth2_client_credentials",
                "token_url": urljoin(self.server, flow["tokenUrl"]),
                "client_id": self._refer(made, "CLIENT_ID"),
                "client_secret": self._refer(made, "CLIENT_SECRET"),
                **({"scopes": scopes} if scopes else {}),
            }
        if (kind == "http" and http == "bearer") or kind in ("oauth2", "openIdConnect"):
            return {"type": "bearer", "token": self._refer(made, "TOKEN")}
        return None

    def _refer(self, made: Operation, what: str) -> dict[str, str]:
        name = f"{self.secret}_{what}"[:100]
        made.secrets.append(name)
        return {"$secret": name}


def _server_of(servers: Any, *, base: str = "") -> str:
    """The first server with its variables' defaults; "" where there is none."""
    first = next((server for server in _list(servers) if isinstance(server, Mapping)), None)
    if first is None or not isinstance(first.get("url"), str):
        return ""
    url, variables = first["url"], first.get("variables")
    for name, said in variables.items() if isinstance(variables, Mapping) else ():
        if isinstance(said, Mapping) and isinstance(said.get("default"), str):
            url = url.replace(f"{{{name}}}", said["default"])
    whole = urljoin(base, url) if base else url
    return "" if "{" in whole else whole


def _as_template(found: re.Match[str]) -> str:
    """A part of the path that no parameter describes; what is a template already stays."""
    name = found.group(1)
    return f"{{{{ {path_to('payload', name)} }}}}" if name == name.strip() else found.group()


def _as_secret(text: str) -> str:
    name = re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")[:60] or "API"
    return f"_{name}" if name[0].isdigit() else name


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _invalid(message: str, *, param: str = "document") -> Invalid:
    return Invalid(message, details={"param": param})
