"""`automate connectors …`: what there is, and whether a connection works."""

from __future__ import annotations

import argparse
import json
from typing import Any

from automate_client.api import Api
from automate_client.documents import text_of
from automate_client.failures import USAGE, CommandFailed
from automate_client.talk import show, table


def list_(options: argparse.Namespace) -> None:
    found = Api(options).get("/connectors", q=options.q)
    rows = [["code", "name", "actions", "tested"]]
    for entry in found["results"]:
        actions = ", ".join(action["code"] for action in entry["actions"])
        rows.append([entry["code"], entry["name"], actions, "yes" if entry["connection"] else "-"])
    show(options, found, table(rows))


def import_(options: argparse.Namespace) -> None:
    body = {"document": text_of(options.file), "name": options.name, "server": options.server}
    made = Api(options).change("POST", "/connector-apis", body)
    rows = [["action", "calls"]]
    rows += [[operation["code"], f"{operation['method']} {operation['path']}"] for operation in made["operations"]]
    show(options, made, table(rows))


def test(options: argparse.Namespace) -> None:
    """Ends with 1 when the connection does not work."""
    params = dict(_pair(words) for words in options.param)
    params |= {name: {"$secret": secret} for name, secret in (_pair(words) for words in options.use)}
    outcome = Api(options).change("POST", "/connector-tests", {"connector": options.connector, "params": params})
    show(options, outcome, [" ".join(words for words in (outcome["message"], outcome["next"]) if words)])
    if not outcome["is_ok"]:
        raise CommandFailed(f"It does not work: {outcome['code']}.")


def _pair(words: str) -> tuple[str, Any]:
    name, sign, value = words.partition("=")
    if not name or not sign:
        raise CommandFailed(f"{words} is no NAME=VALUE.", USAGE)
    return name, json.loads(value) if value.isascii() and value.isdigit() else value
