"""What can be typed: an operator's commands, each naming the module under `automate_platform.cli` whose `run(options)`
does it, and the client's, which name a function of theirs (`automate_client.commands`)."""

from __future__ import annotations

import argparse
from typing import Any

from automate_client import commands
from automate_client.parser import Parser


def build() -> argparse.ArgumentParser:
    parser = Parser(prog="automate", description="Django Automate, hosted.", example="automate up")
    nouns = parser.add_subparsers(metavar="command", required=True)
    _processes(nouns)
    _tenants(nouns)
    _halts(nouns)
    commands.add_to(nouns, _keys(nouns))
    _keystore(nouns)
    _audit(nouns)
    _operators(nouns)
    doctor = nouns.add_parser(
        "doctor",
        help="say what works from here, and which promises an installation here does not keep",
        example="automate doctor",
        asks=True,
    )
    doctor.set_defaults(module="doctor")
    return parser


def _processes(nouns: Any) -> None:
    up = nouns.add_parser(
        "up",
        help="start everything on one port, with a demo workspace",
        description=(
            "Start PostgreSQL, gateway, web and worker; make a demo workspace. Ctrl-C stops what was started.\n"
            "PORT (8000), DJANGO_AUTOMATE_HOME (var/) and DATABASE_URL (an existing PostgreSQL) are read."
        ),
        example="PORT=9000 automate up",
    )
    up.add_argument("--port", type=int, help="instead of PORT; 0 takes a free one")
    up.set_defaults(module="up")
    gateway = nouns.add_parser(
        "gateway", help="serve webhooks and pass the rest on to web", example="automate gateway --port 8000"
    )
    gateway.add_argument("--host", default="", help="address to listen on (127.0.0.1)")
    gateway.add_argument("--port", type=int, help="instead of PORT (8000)")
    gateway.set_defaults(module="gateway")
    web = nouns.add_parser("web", help="serve portal and API on a private socket", example="automate web --threads 8")
    web.add_argument("--threads", type=int, default=4, help="requests answered at once (4)")
    web.add_argument("--collect", action="store_true", help="bring the static files up to date and end")
    web.set_defaults(module="web")
    worker = nouns.add_parser("worker", help="carry out what events start", example="automate worker")
    worker.add_argument("--once", action="store_true", help="end when nothing is due")
    worker.set_defaults(module="worker")
    ringer = nouns.add_parser(
        "ringer", help="call the workers of CELERY_BROKER_URL when something is due", example="automate ringer"
    )
    ringer.set_defaults(module="ringer")
    migrate = nouns.add_parser(
        "migrate",
        help="bring every schema up to date, as the owner role",
        example="automate migrate",
        has_data=True,
    )
    migrate.add_argument("--check-models", action="store_true", help="only say whether a migration is missing")
    migrate.add_argument("--wait", action="store_true", help="only wait until another process has migrated everything")
    migrate.add_argument("--threads", type=int, default=2, metavar="N", help="workspaces migrated at a time (2)")
    migrate.set_defaults(module="migrate")
    probe = nouns.add_parser(
        "probe",
        help="ask a process of this container or machine whether it lives",
        description="Ends with 0 when it says yes. For health checks in images that have no curl.",
        example="automate probe worker --ready",
    )
    probe.add_argument("process", choices=("gateway", "web", "worker", "ringer"))
    probe.add_argument("--ready", action="store_true", help="whether it can work now, too")
    probe.set_defaults(module="probe")
    demo = nouns.add_parser("demo", help="make the demo workspace once", example="automate demo --json", has_data=True)
    demo.set_defaults(module="demo")


def _tenants(nouns: Any) -> None:
    verbs = nouns.add_parser("tenants", help="workspaces", example="automate tenants list").add_subparsers(
        metavar="verb", required=True
    )
    create = verbs.add_parser(
        "create",
        help="open a workspace for a person",
        example="automate tenants create acme --name 'Acme Ltd' --owner ada@acme.example",
        has_data=True,
    )
    create.add_argument("slug", help="its address: small letters, digits and hyphens")
    create.add_argument("--name", help="as people read it (the slug)")
    create.add_argument("--owner", required=True, metavar="EMAIL", help="made with a random password when unknown")
    create.set_defaults(module="tenants", verb="create")
    listing = verbs.add_parser("list", help="all workspaces", example="automate tenants list --json", has_data=True)
    listing.set_defaults(module="tenants", verb="list")
    suspend = verbs.add_parser(
        "suspend", help="refuse its events and stop its runs", example="automate tenants suspend acme", has_data=True
    )
    suspend.add_argument("slug")
    suspend.add_argument("--reason", default="", help="kept in its audit log")
    suspend.add_argument("--undo", action="store_true", help="let it go on")
    suspend.set_defaults(module="tenants", verb="suspend")
    plan = verbs.add_parser(
        "plan",
        help="say which plan it is on, or put it on another",
        example="automate tenants plan acme pro",
        has_data=True,
    )
    plan.add_argument("slug")
    plan.add_argument("plan", nargs="?", help="a plan's code; without it nothing is changed")
    plan.set_defaults(module="tenants", verb="plan")
    partition = verbs.add_parser(
        "partition",
        help="keep its events in monthly partitions, as the owner role",
        description="Convert the table while events come in, make months ahead, drop old ones. Run it each month.",
        example="automate tenants partition acme",
        has_data=True,
    )
    partition.add_argument("slug")
    partition.add_argument("--ahead", type=int, default=3, help="months to make beyond this one (3)")
    partition.add_argument("--keep-all", action="store_true", help="drop nothing")
    partition.set_defaults(module="tenants", verb="partition")


def _halts(nouns: Any) -> None:
    texts = {
        "pause": "take events in and run nothing: the whole installation, a workspace or a workflow",
        "resume": "let it go on where it was",
    }
    for verb, text in texts.items():
        one = nouns.add_parser(verb, help=text, example=f"automate {verb} --workspace acme", has_data=True)
        one.add_argument("--workspace", metavar="SLUG", help="this workspace only")
        one.add_argument("--workflow", metavar="SLUG", help="this workflow of the workspace only")
        if verb == "pause":
            one.add_argument("--reason", default="", help="shown on the workspace's pages, kept in its audit log")
        one.set_defaults(module="halts", verb=verb)


def _keys(nouns: Any) -> Any:
    """The verbs of `keys`; making one works over the API, and for operators without a key to begin with."""
    verbs = commands.verbs_of(nouns, "keys", "API keys", "automate keys list")
    create = verbs.add_parser(
        "create",
        help="make an API key; it is shown once",
        description="For the workspace you are logged in to; operators may name any, on the product's machine.",
        example="automate keys create --name ci --scope events:write --scope runs:read",
        asks=True,
    )
    create.add_argument("slug", nargs="?", metavar="WORKSPACE", help="through this machine's database, for operators")
    create.add_argument("--name", default="from the command line")
    create.add_argument("--scope", action="append", metavar="SCOPE", help="may be repeated (all that may be given)")
    create.add_argument("--test", action="store_true", help="a test key: passes every check, stores nothing")
    create.set_defaults(module="keys")
    return verbs


def _keystore(nouns: Any) -> None:
    verbs = nouns.add_parser(
        "keystore", help="the keys that seal secrets and state", example="automate keystore rotate"
    ).add_subparsers(metavar="verb", required=True)
    rotate = verbs.add_parser(
        "rotate",
        help="wrap every workspace's key with a new installation key, while everything runs",
        example="automate keystore rotate --json",
        has_data=True,
    )
    rotate.set_defaults(module="keystore", verb="rotate")
    erase = verbs.add_parser(
        "erase",
        help="destroy a workspace's key for ever; prints the signed certificate",
        example="automate keystore erase acme --confirm acme --json",
        has_data=True,
    )
    erase.add_argument("workspace", help="slug of the workspace")
    erase.add_argument("--confirm", default="", metavar="SLUG", help="its name once more")
    erase.set_defaults(module="keystore", verb="erase")


def _operators(nouns: Any) -> None:
    verbs = nouns.add_parser(
        "operators", help="who may come to the operators' pages", example="automate operators list"
    ).add_subparsers(metavar="verb", required=True)
    texts = {"add": "let a person in, who has a second factor", "remove": "let them in no more"}
    for verb, text in texts.items():
        one = verbs.add_parser(verb, help=text, example=f"automate operators {verb} ada@acme.example", has_data=True)
        one.add_argument("email")
        one.set_defaults(module="operators", verb=verb)
    listing = verbs.add_parser("list", help="all of them", example="automate operators list --json", has_data=True)
    listing.set_defaults(module="operators", verb="list")


def _audit(nouns: Any) -> None:
    verbs = nouns.add_parser("audit", help="the audit logs", example="automate audit verify").add_subparsers(
        metavar="verb", required=True
    )
    verify = verbs.add_parser(
        "verify",
        help="say whether a log was changed, added to, thinned out or cut; exit code 1 when one was",
        example="automate audit verify --workspace acme --json",
        has_data=True,
    )
    verify.add_argument("--workspace", action="append", default=[], metavar="SLUG", help="may be repeated (all)")
    verify.set_defaults(module="audit", verb="verify")
    accept = verbs.add_parser(
        "accept",
        help="let a log go on as it stands, after a restored backup or an incident; the log says so",
        example='automate audit accept acme --reason "backup of Monday restored"',
        has_data=True,
    )
    accept.add_argument("workspace", help="slug of the workspace")
    accept.add_argument("--reason", required=True, metavar="TEXT", help="why; kept in the log")
    accept.set_defaults(module="audit", verb="accept")
