"""`automate login`, `whoami`, `open`."""

from __future__ import annotations

import argparse
import getpass
import sys
import webbrowser
from pathlib import Path
from urllib.parse import quote

from automate_client import profiles
from automate_client.api import Api
from automate_client.failures import USAGE, CommandFailed
from automate_client.talk import say, show


def login(options: argparse.Namespace) -> None:
    """Keeps the key only when the API knows it."""
    key = _key(options)
    name = options.profile or options.workspace or "default"
    url = profiles.api_url(options.url or profiles.DEFAULT_URL)
    api = Api(options, profiles.Profile(name, url, key))
    found = api.get("/key")
    workspace = found["workspace"]["slug"]
    if options.dry_run:
        say(options, f"The key works. Nothing is kept; it would be the profile {name!r}.")
    else:
        path = profiles.save(profiles.Profile(name, url, key, workspace))
        say(options, f"Logged in to {workspace} as profile {name!r}, kept in {path}.")
    show(options, {"profile": name, "url": url, "workspace": workspace, "scopes": found["scopes"]}, [])


def whoami(options: argparse.Namespace) -> None:
    api = Api(options)
    found = api.get("/key")
    workspace = found["workspace"]
    lines = [
        f"workspace: {workspace['slug']} ({workspace['name']})",
        f"key: {found['name']} ({found['prefix']}…{found['last4']})",
        f"scopes: {', '.join(found['scopes'])}",
        f"profile: {api.profile.name}, {api.profile.url}",
    ]
    show(options, {**found, "profile": api.profile.name, "url": api.profile.url}, lines)


def open_page(options: argparse.Namespace) -> None:
    """Prints the address, and opens it unless there is nobody to look."""
    url = Api(options).get("/key")["workspace"]["url"]
    if options.page:
        url = f"{url}?next={quote('/' + options.page.lstrip('/'))}"
    show(options, {"url": url}, [url])
    if not (options.no_input or options.dry_run) and not webbrowser.open(url):
        say(options, "No browser could be opened.")


def _key(options: argparse.Namespace) -> str:
    if options.key_file:
        key = _read(options.key_file)
    elif not sys.stdin.isatty():
        key = sys.stdin.readline()
    elif options.no_input:
        raise CommandFailed("No key was given. Send it on stdin, or say --key-file.", USAGE)
    else:
        key = getpass.getpass("API key (it is not shown): ", stream=sys.stderr)
    if not key.strip():
        raise CommandFailed("No key was given. Make one under Developers → API keys.", USAGE)
    return key.strip()


def _read(name: str) -> str:
    try:
        return Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{name} cannot be read: {error}", USAGE) from error
