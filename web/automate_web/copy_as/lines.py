"""One request written down: as curl, as a line of `automate`, as Python. Each works as pasted, with the key in
`DJANGO_AUTOMATE_KEY`; none of them ever holds a key.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings

from automate_web.copy_as.calls import Call

KEY_VARIABLE = "DJANGO_AUTOMATE_KEY"


@dataclass(frozen=True)
class Line:
    """`name` is curl, CLI or Python."""

    name: str
    code: str


def lines_of(call: Call) -> list[Line]:
    """The CLI only where it has a command for it."""
    cli = [Line("CLI", shlex.join(("automate", *call.cli)))] if call.cli else []
    return [Line("curl", curl(call)), *cli, Line("Python", python(call))]


def url_of(call: Call) -> str:
    """Full, on the installation's own base URL, which any client can resolve."""
    query = f"?{urlencode(call.query)}" if call.query else ""
    return f"{settings.BASE_URL.rstrip('/')}/api/v1{call.path}{query}"


def curl(call: Call) -> str:
    """In one line, for `sh` and the like."""
    parts = ["curl"]
    if call.method != "GET" and not (call.method == "POST" and call.body is not None):
        parts.append(f"-X {call.method}")
    parts.append(f'-H "Authorization: Bearer ${KEY_VARIABLE}"')
    if call.if_match:
        parts.append("-H 'If-Match: *'")
    if call.body is not None:
        parts += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(json.dumps(call.body))}"]
    return " ".join([*parts, shlex.quote(url_of(call))])


def python(call: Call) -> str:
    """For the standard library alone."""
    headers = [f'"Authorization": f"Bearer {{os.environ[\'{KEY_VARIABLE}\']}}"']
    if call.if_match:
        headers.append('"If-Match": "*"')
    arguments = [json.dumps(url_of(call))]
    if call.body is not None:
        headers.append('"Content-Type": "application/json"')
        arguments.append(f"data=json.dumps({call.body!r}).encode()")
    arguments.append(f"headers={{{', '.join(headers)}}}")
    if call.method != "GET":
        arguments.append(f'method="{call.method}"')
    return "\n".join(
        [
            "import json",
            "import os",
            "import urllib.request",
            "",
            "request = urllib.request.Request(",
            *(f"    {argument}," for argument in arguments),
            ")",
            "with urllib.request.urlopen(request) as answer:",
            "    print(json.dumps(json.load(answer), indent=2))",
        ]
    )
