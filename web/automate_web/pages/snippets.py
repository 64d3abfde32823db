"""Ready code: the same request as curl, Python and JavaScript, with the real address and, where it may be, the key."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from automate.models import WebhookEndpoint

KEY_VARIABLE = "DJANGO_AUTOMATE_KEY"


@dataclass(frozen=True)
class Snippet:
    id: str
    label: str
    code: str


def for_endpoint(url: str, auth: str, *, key: str | None, body: Any) -> list[Snippet]:
    """Snippets that post `body`. Without a key they read it from the environment, so that a copied line still works."""
    needs_key = auth == WebhookEndpoint.Auth.API_KEY
    return [
        Snippet("curl", "curl", _curl(url, key if needs_key else "", body)),
        Snippet("python", "Python", _python(url, key if needs_key else "", body)),
        Snippet("javascript", "JavaScript", _javascript(url, key if needs_key else "", body)),
    ]


def _curl(url: str, key: str | None, body: Any) -> str:
    lines = [f"curl -X POST {shlex.quote(url)}", "-H 'Content-Type: application/json'"]
    if key is None:
        lines.append(f'-H "Authorization: Bearer ${KEY_VARIABLE}"')
    elif key:
        lines.append(f"-H 'Authorization: Bearer {key}'")
    lines.append(f"-d {shlex.quote(json.dumps(body))}")
    return " \\\n  ".join(lines)


def _python(url: str, key: str | None, body: Any) -> str:
    imports = ["import json"] + (["import os"] if key is None else []) + ["import urllib.request"]
    bearer = f"f\"Bearer {{os.environ['{KEY_VARIABLE}']}}\"" if key is None else f'"Bearer {key}"'
    headers = '"Content-Type": "application/json"' + (f', "Authorization": {bearer}' if key != "" else "")
    return "\n".join(
        [
            *imports,
            "",
            "request = urllib.request.Request(",
            f"    {json.dumps(url)},",
            f"    data=json.dumps({body!r}).encode(),",
            f"    headers={{{headers}}},",
            ")",
            "print(urllib.request.urlopen(request).read().decode())",
        ]
    )


def _javascript(url: str, key: str | None, body: Any) -> str:
    bearer = f"`Bearer ${{process.env.{KEY_VARIABLE}}}`" if key is None else f'"Bearer {key}"'
    headers = '"Content-Type": "application/json"' + (f", Authorization: {bearer}" if key != "" else "")
    return "\n".join(
        [
            f"const answer = await fetch({json.dumps(url)}, {{",
            '  method: "POST",',
            f"  headers: {{ {headers} }},",
            f"  body: JSON.stringify({json.dumps(body)}),",
            "});",
            "console.log(await answer.json());",
        ]
    )
