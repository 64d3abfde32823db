"""Profiles: which workspace, at which address, with which key. One JSON file, readable by its owner alone.

Looked for in this order: `DJANGO_AUTOMATE_KEY` with `DJANGO_AUTOMATE_URL`, the profile that `--profile` or
`--workspace` names, the default one, and what a product that runs here wrote of its demo workspace (`HOME/ready.json`).
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from automate_client.failures import NOT_ALLOWED, USAGE, CommandFailed

DEFAULT_URL = "http://localhost:8000/api/v1"


@dataclass(frozen=True)
class Profile:
    """Where to ask, and as whom. `workspace` is a slug, empty where nobody has asked yet."""

    name: str
    url: str  # of the API, without a slash at the end
    key: str
    workspace: str = ""

    def __repr__(self) -> str:
        return f"<Profile {self.name} at {self.url}>"  # never the key


def file() -> Path:
    """`DJANGO_AUTOMATE_PROFILES`, else in the user's configuration folder."""
    if named := os.environ.get("DJANGO_AUTOMATE_PROFILES"):
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "django-automate" / "profiles.json"


def load() -> dict[str, Any]:
    """`{"default": name, "profiles": {name: {url, key, workspace}}}`. Raises CommandFailed where others can read it."""
    path = file()
    try:
        mode, text = path.stat().st_mode, path.read_text()
    except FileNotFoundError:
        return {"default": "", "profiles": {}}
    if mode & 0o077:
        raise CommandFailed(f"{path} holds keys and others can read it. Run: chmod 600 {path}", NOT_ALLOWED)
    try:
        found: dict[str, Any] = json.loads(text)
        found["profiles"].items()
    except (ValueError, KeyError, AttributeError, TypeError):
        raise CommandFailed(f"{path} is not a file of profiles. Move it away and run: automate login") from None
    return found


def save(profile: Profile, *, is_default: bool = True) -> Path:
    """Keep it under its name: written beside and moved into place, for its owner alone."""
    kept, path = load(), file()
    fields = asdict(profile)
    kept["profiles"][fields.pop("name")] = fields
    kept["default"] = profile.name if is_default or not kept.get("default") else kept["default"]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(dir=path.parent)  # 0600
    with os.fdopen(descriptor, "w") as out:
        json.dump(kept, out, indent=2)
    Path(beside).replace(path)
    return path


def chosen(options: argparse.Namespace) -> Profile:
    """The profile that this command works with. Raises CommandFailed when there is none."""
    name, workspace = options.profile or os.environ.get("DJANGO_AUTOMATE_PROFILE", ""), options.workspace
    url = options.url or os.environ.get("DJANGO_AUTOMATE_URL", "")
    if not name and (key := os.environ.get("DJANGO_AUTOMATE_KEY")):
        return Profile("environment", api_url(url or _running().get("api_url") or DEFAULT_URL), key)
    kept = load()
    named = {each: Profile(each, **fields) for each, fields in kept["profiles"].items()}
    if name and name not in named:
        raise CommandFailed(f"There is no profile {name!r}. Known: {', '.join(sorted(named)) or 'none'}.", USAGE)
    if not name and workspace:
        name = next((each for each, profile in named.items() if profile.workspace == workspace), "")
    found = named.get(name or kept.get("default", ""))
    if found is None and (running := _running()).get("api_key"):
        found = Profile("demo", running["api_url"], running["api_key"])
    if found is None:
        raise CommandFailed("Not logged in. Make a key under Developers → API keys; then: automate login", NOT_ALLOWED)
    return Profile(found.name, api_url(url or found.url), found.key, found.workspace)


def api_url(text: str) -> str:
    """The API's address from whatever address of the product a person has at hand.

    >>> api_url("https://app.example.com/"), api_url("http://localhost:8000/api/v1")
    ('https://app.example.com/api/v1', 'http://localhost:8000/api/v1')
    """
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CommandFailed(f"{text!r} is no address. Say --url https://app.example.com", USAGE)
    return f"{parts.scheme}://{parts.netloc}/api/v1"


def _running() -> dict[str, str]:
    """What a product on this machine wrote about its demo workspace; empty when none runs."""
    try:
        text = (Path(os.environ.get("DJANGO_AUTOMATE_HOME", "var")) / "ready.json").read_text()
        found: dict[str, str] = json.loads(text)
    except (OSError, ValueError):
        return {}
    return found
