"""Every command of the client: its words, its flags, its example, and the module whose function does it."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from automate_client.failures import INTERRUPTED, CommandFailed, Finished
from automate_client.parser import Parser, add_list_flags

Nouns = Any  # argparse's private type


def main(arguments: Sequence[str] | None = None) -> int:
    """The client alone; its exit code."""
    parser = Parser(prog="automate", description="Django Automate's command line.", example="automate login")
    nouns = parser.add_subparsers(metavar="command", required=True)
    add_to(nouns, verbs_of(nouns, "keys", "API keys", "automate keys list"))
    doctor = nouns.add_parser("doctor", help="say what works from here", example="automate doctor", asks=True)
    doctor.set_defaults(does="doctor:run")
    return ended(parser.parse_args(arguments))


def ended(options: argparse.Namespace) -> int:
    """Do the command; the exit code of however it ends."""
    try:
        return run(options)
    except Finished:
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our data has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except CommandFailed as error:
        print(f"automate: {error}", file=sys.stderr, flush=True)
        return error.exit_code


def run(options: argparse.Namespace) -> int:
    """`options.does` is `module:function` under this package."""
    module, _, name = options.does.partition(":")
    code: int | None = getattr(importlib.import_module(f"automate_client.{module}"), name)(options)
    return code or 0


def verbs_of(nouns: Nouns, noun: str, words: str, example: str) -> Nouns:
    return nouns.add_parser(noun, help=words, example=example).add_subparsers(metavar="verb", required=True)


def add_to(nouns: Nouns, keys: Nouns) -> None:
    """Put every command of the client among `nouns`; `keys`: the verbs of `keys`, which others may add to."""
    _account(nouns)
    _workflows(verbs_of(nouns, "workflows", "what shall be done", "automate workflows list"))
    _events(verbs_of(nouns, "events", "what happened", "automate events tail"))
    _runs(verbs_of(nouns, "runs", "what was done", "automate runs list --status failed"))
    _secrets(verbs_of(nouns, "secrets", "stored secrets; values go in and never come out", "automate secrets list"))
    _connectors(verbs_of(nouns, "connectors", "what workflows can call", "automate connectors list"))
    _keys(keys)
    _webhooks(verbs_of(nouns, "webhooks", "where others send events to", "automate webhooks list"))
    _team(verbs_of(nouns, "team", "who may enter the workspace", "automate team list"))
    _rest(nouns)


def _verb(verbs: Nouns, name: str, words: str, example: str, does: str, **more: Any) -> Any:
    made = verbs.add_parser(name, help=words, example=example, asks=True, **more)
    made.set_defaults(does=does)
    return made


def _account(nouns: Nouns) -> None:
    login = _verb(
        nouns,
        "login",
        "keep an API key for a workspace, in a file that only you can read",
        "automate login --url https://app.example.com < key.txt",
        "account:login",
        description="The key is read from stdin, or asked for. Make one under Developers → API keys.",
    )
    login.add_argument("--key-file", metavar="FILE", help="read the key from this file")
    _verb(nouns, "whoami", "say which key and workspace this is", "automate whoami --json", "account:whoami")
    opening = _verb(
        nouns, "open", "open the workspace in a browser", "automate open runs/?status=failed", "account:open_page"
    )
    opening.add_argument("page", nargs="?", default="", help="such as runs/ or workflows/; Home without it")


def _workflows(verbs: Nouns) -> None:
    listing = _verb(verbs, "list", "every workflow", "automate workflows list", "workflows:list_")
    add_list_flags(listing, "status", "type", "tag", "q", ordered_by=("slug", "updated_at"))
    get = _verb(verbs, "get", "one workflow", "automate workflows get order-flow", "workflows:get")
    get.add_argument("workflow", help="id or slug")
    export = _verb(
        verbs,
        "export",
        "its definition as JSON, as import takes it",
        "automate workflows export order-flow --file order-flow.json",
        "workflows:export",
    )
    export.add_argument("workflow", help="id or slug")
    export.add_argument("--version", default="live", help="a number, live, or draft (live)")
    export.add_argument("--file", help="write it there instead of to stdout")
    importing = _verb(
        verbs,
        "import",
        "make or change workflows from definitions, all or none",
        "automate workflows import --file order-flow.json --dry-run",
        "workflows:import_",
    )
    _files(importing)
    importing.add_argument("--draft", action="store_true", help="leave the changes as drafts instead of going live")
    validate = _verb(
        verbs,
        "validate",
        "check a definition without storing it; exit code 5 when it has errors",
        "automate workflows validate --file order-flow.json",
        "workflows:validate",
    )
    _files(validate)
    diff = _verb(
        verbs,
        "diff",
        "what differs between two versions, or between what is live and a file; exit code 1 when something does",
        "automate workflows diff order-flow --from 3 --to live",
        "workflows:diff",
    )
    diff.add_argument("workflow", nargs="?", help="id or slug; with --file it is in the file")
    diff.add_argument("--from", dest="from_", metavar="VERSION", help="a number, or live (the one before --to)")
    diff.add_argument("--to", metavar="VERSION", help="a number, or live (live)")
    diff.add_argument("--file", action="append", default=[], help="compare with this definition; - is stdin")
    publish = _verb(
        verbs,
        "publish",
        "let the draft go live: the next event uses it",
        'automate workflows publish order-flow --note "Ask for approval above 500"',
        "workflows:publish",
    )
    publish.add_argument("workflow", help="id or slug")
    publish.add_argument("--note", default="", help="why; kept with the version")
    rollback = _verb(
        verbs,
        "rollback",
        "let an earlier version run again, as a new one",
        "automate workflows rollback order-flow 3 --yes",
        "workflows:rollback",
    )
    rollback.add_argument("workflow", help="id or slug")
    rollback.add_argument("version", type=int, help="the number of the version")
    rollback.add_argument("--note", default="", help="why; kept with the version")


def _files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="FILE",
        help="a definition, or a list; may be repeated; - is stdin",
    )


def _events(verbs: Nouns) -> None:
    send = _verb(
        verbs,
        "send",
        "send one event through the API",
        """automate events send order.created --data '{"order": {"total": 120}}'""",
        "events:send",
    )
    send.add_argument("type", help="such as order.created")
    send.add_argument("--data", help="payload as JSON; - or nothing reads it from stdin")
    send.add_argument("--dedupe-key", metavar="KEY", help="the same key within 7 days is one event")
    listing = _verb(verbs, "list", "events, newest first", "automate events list --since 1h", "events:list_")
    add_list_flags(listing, "status", "type", "source", "trace_id", "since", "until", "q")
    tail = _verb(
        verbs,
        "tail",
        "print events as they come, until Ctrl-C",
        "automate events tail --type a.b",
        "events:tail",
    )
    _feed(tail)
    replay = _verb(
        verbs,
        "replay",
        "send an event again: what it did is done again",
        "automate events replay 019aa900-1c00-7a10-8000-0a1b2c3d4e5f --workflow order-flow",
        "events:replay",
    )
    replay.add_argument("event", help="its id")
    replay.add_argument("--workflow", help="only this one, past its rule: id or slug")
    replay.add_argument("--file", help="a payload as JSON instead of the stored one; - is stdin")


def _feed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--type", help="of exactly this event type")
    parser.add_argument("--source", help="of exactly this source, such as webhook:default")
    parser.add_argument("--since", help="begin with those of this time, or 15m ago (now)")
    parser.add_argument("--cursor", help="go on where an earlier call said it was")
    parser.add_argument("--count", type=int, metavar="N", help="end after so many events")


def _runs(verbs: Nouns) -> None:
    listing = _verb(verbs, "list", "runs, newest first", "automate runs list --status failed --since 24h", "runs:list_")
    add_list_flags(listing, "status", "workflow", "type", "trace_id", "since", "until", "q")
    get = _verb(verbs, "get", "one run with its steps", "automate runs get RUN --json", "runs:get")
    get.add_argument("run", help="its id")
    watch = _verb(
        verbs,
        "watch",
        "follow a run until it ends; exit code 1 when it failed or was cancelled",
        "automate runs watch RUN",
        "runs:watch",
    )
    watch.add_argument("run", help="its id")
    retry = _verb(
        verbs, "retry", "run it again from the step that failed", "automate runs retry RUN --dry-run", "runs:retry"
    )
    retry.add_argument("run", help="its id")
    retry.add_argument(
        "--from", dest="from_", default="failed", metavar="STEP", help="failed, start or a step (failed)"
    )
    retry.add_argument("--version", choices=("same", "latest"), default="same", help="of the workflow (same)")
    cancel = _verb(verbs, "cancel", "ask it and its children to stop", "automate runs cancel RUN --yes", "runs:cancel")
    cancel.add_argument("run", help="its id")


def _secrets(verbs: Nouns) -> None:
    listing = _verb(verbs, "list", "their names, never a value", "automate secrets list", "secrets:list_")
    add_list_flags(listing)
    for name, words, example in (
        ("set", "store a secret, or its next value if it is there", "automate secrets set STRIPE_KEY < key.txt"),
        (
            "rotate",
            "store its next value",
            "automate secrets rotate STRIPE_KEY --file key.txt",
        ),
    ):
        told = "The value is read from stdin or a file."
        verb = _verb(verbs, name, words, example, f"secrets:{name}", description=told)
        verb.add_argument("name", help="letters, digits, _ . and -")
        verb.add_argument("--file", help="read the value from this file; a line break at its end is dropped")
        if name == "set":
            verb.add_argument("--host", action="append", default=[], help="where it may be sent (anywhere)")
            verb.add_argument("--note", default="", help="what it is for")


def _connectors(verbs: Nouns) -> None:
    listing = _verb(
        verbs, "list", "connectors and their actions", "automate connectors list --q mail", "connectors:list_"
    )
    listing.add_argument("--q", help="a part of a name, an action or a description")
    imported = _verb(
        verbs,
        "import",
        "keep the operations of an OpenAPI document as actions",
        "automate connectors import --file openapi.yaml --name Shop",
        "connectors:import_",
    )
    imported.add_argument("--file", default="-", help="the document, JSON or YAML (stdin)")
    imported.add_argument("--name", default="", help="what to call it (its title)")
    imported.add_argument("--server", default="", metavar="URL", help="where its calls go (as the document says)")
    test = _verb(
        verbs,
        "test",
        "reach the other side and change nothing there; 1 when it does not work",
        "automate connectors test http --param url=https://api.example.com/ --use secret=API_TOKEN",
        "connectors:test",
    )
    test.add_argument("connector", help="its code, of connectors list")
    test.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="one of what it takes")
    test.add_argument("--use", action="append", default=[], metavar="NAME=SECRET", help="a stored secret for it")


def _keys(verbs: Nouns) -> None:
    listing = _verb(verbs, "list", "API keys, never their text", "automate keys list", "keys:list_")
    add_list_flags(listing)
    roll = _verb(verbs, "roll", "a new key in an old one's place", "automate keys roll 12 --overlap 24h", "keys:roll")
    roll.add_argument("key", help="its id, of keys list")
    roll.add_argument("--overlap", choices=("0", "1h", "24h", "7d"), default="0", help="of the old one (0)")
    revoke = _verb(verbs, "revoke", "end a key at once and for good", "automate keys revoke 12 --yes", "keys:revoke")
    revoke.add_argument("key", help="its id, of keys list")


def _webhooks(verbs: Nouns) -> None:
    listing = _verb(verbs, "list", "the endpoints and their addresses", "automate webhooks list", "webhooks:list_")
    add_list_flags(listing, ordered_by=("slug",))
    delete = _verb(
        verbs, "delete", "end an endpoint for good", "automate webhooks delete shop --yes", "webhooks:delete"
    )
    delete.add_argument("webhook", help="id or slug")


def _team(verbs: Nouns) -> None:
    add_list_flags(_verb(verbs, "list", "its members", "automate team list", "team:list_"))
    add_list_flags(_verb(verbs, "invitations", "who is invited", "automate team invitations", "team:invitations"))
    roles = ("admin", "builder", "operator", "viewer", "billing")
    invite = _verb(
        verbs, "invite", "mail invitations, all or none", "automate team invite ada@example.com --role builder --yes",
        "team:invite",
    )  # fmt: skip
    invite.add_argument("email", nargs="+", help="addresses, 50 at most")
    invite.add_argument("--role", choices=roles, required=True, help="what they will be")
    change = _verb(
        verbs, "role", "give a member another role", "automate team role ada@example.com admin --yes", "team:role"
    )
    change.add_argument("member", help="id or e-mail address")
    change.add_argument("role", choices=roles, help="from the next request on")
    remove = _verb(verbs, "remove", "end a membership", "automate team remove ada@example.com --yes", "team:remove")
    remove.add_argument("member", help="id or e-mail address")


def _rest(nouns: Nouns) -> None:
    listen = _verb(
        nouns,
        "listen",
        "pass each event of the workspace on to a server of yours, as it comes",
        "automate listen --forward-to http://localhost:3000/webhook --source webhook:default",
        "listen:run",
        description=(
            "Each event is a POST with the payload as JSON and the headers that were kept. Secrets in both are\n"
            "masked, so signatures cannot be checked. What arrives while the connection is away is passed on after it."
        ),
    )
    listen.add_argument("--forward-to", required=True, metavar="URL", help="where to; usually on this machine")
    _feed(listen)
    usage = _verb(nouns, "usage", "what is used of the plan", "automate usage --period 2026-11", "usage:run")
    usage.add_argument("--period", help="a month such as 2026-11 (this one)")
    alerts = _verb(
        nouns,
        "usage-alerts",
        "at which percents of the plan members are told",
        "automate usage-alerts --every 50,80,100 --meter llm=25,50,75",
        "usage:alerts",
    )
    alerts.add_argument("--every", metavar="PERCENTS", help="of each meter without its own; or: none")
    alerts.add_argument(
        "--meter", action="append", default=[], metavar="METER=PERCENTS", help="of one meter; nothing after =: as every"
    )
    completion = nouns.add_parser(
        "completion",
        help="print a script that completes commands in a shell",
        example='eval "$(automate completion bash)"',
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    completion.set_defaults(does="completion:run")
